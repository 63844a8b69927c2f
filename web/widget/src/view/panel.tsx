/** The panel: header, banner, conversation, composer. */

import { useEffect, useRef, useState } from "preact/hooks";

import type { ChatClient, ClientState } from "../client/chat_client";
import type { Choice, Language, WidgetConfig } from "../client/protocol";
import type { Line } from "../client/thread";
import { Composer } from "./composer";
import { Message } from "./message";
import { TEXTS, type Texts } from "./texts";

const BOT_ANSWERS_WITHIN_MS = 20_000;
const NEAR_END_PX = 80;

interface PanelProps {
  client: ChatClient;
  config: WidgetConfig;
  language: Language;
  isEmbedded: boolean;
  focusKey: number;
  onClose: () => void;
}

export function Panel({ client, config, language, isEmbedded, focusKey, onClose }: PanelProps) {
  const state = useClient(client);
  const texts = TEXTS[language];
  const send = (text: string, payload?: string) => void client.send(text, language, payload);
  return (
    <main
      class="panel"
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.isComposing && isEmbedded) onClose();
      }}
    >
      <Header config={config} state={state} language={language} texts={texts} isEmbedded={isEmbedded} onClose={onClose} />
      <Banner state={state} texts={texts} />
      <Conversation client={client} config={config} state={state} language={language} texts={texts} onSend={send} />
      <Composer
        texts={texts}
        isDisabled={state.connection === "refused"}
        onSend={send}
        onTyping={() => client.sayTyping()}
        focusKey={focusKey}
      />
    </main>
  );
}

function useClient(client: ChatClient): ClientState {
  const [state, setState] = useState(client.getState());
  useEffect(() => client.subscribe(() => setState(client.getState())), [client]);
  return state;
}

function Header({ config, state, language, texts, isEmbedded, onClose }: { config: WidgetConfig; state: ClientState; language: Language; texts: Texts; isEmbedded: boolean; onClose: () => void }) {
  return (
    <header>
      <span class="mark" aria-hidden="true">
        {Array.from(config.name)[0]}
      </span>
      <div class="who">
        <h1>{config.names[language] ?? config.name}</h1>
        <p role="status">{speaker(state, texts)}</p>
      </div>
      {isEmbedded && (
        <button type="button" class="close" aria-label={texts.close} title={texts.close} onClick={onClose}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M6 6l12 12M18 6L6 18" />
          </svg>
        </button>
      )}
    </header>
  );
}

function speaker(state: ClientState, texts: Texts): string {
  const { thread } = state;
  switch (thread.owner) {
    case "agent":
      return thread.agentName === null ? texts.agent : texts.agentNamed(thread.agentName);
    case "queue":
      if (thread.position === null) return texts.queued;
      return thread.position <= 1 ? texts.positionNext : texts.position(thread.position);
    case "closed":
      return texts.closedNow;
    default:
      return texts.bot;
  }
}

function Banner({ state, texts }: { state: ClientState; texts: Texts }) {
  const seconds = useSecondsUntil(state.slowUntil);
  let text = "";
  let tone = "info";
  if (state.connection === "refused") {
    text = state.refusal === "identity_required" ? texts.identity : state.refusal === "user_token_expired" ? texts.expired : texts.refused;
    tone = "error";
  } else if (state.connection === "offline") {
    text = texts.offline;
    tone = "warning";
  } else if (seconds > 0) text = texts.slow(seconds);
  else if (!state.isLoaded) text = texts.connecting;
  return (
    <div role="status" class={text === "" ? "banner hidden" : `banner ${tone}`}>
      {text}
    </div>
  );
}

function useSecondsUntil(moment: number | null): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (moment === null) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [moment]);
  return moment === null ? 0 : Math.max(0, Math.ceil((moment - now) / 1000));
}

interface ConversationProps {
  client: ChatClient;
  config: WidgetConfig;
  state: ClientState;
  language: Language;
  texts: Texts;
  onSend: (text: string, payload?: string) => void;
}

function Conversation({ client, config, state, language, texts, onSend }: ConversationProps) {
  const { lines } = state;
  const box = useFollowing(lines.length);
  const answering = useBotIsAnswering(state);
  const isEmpty = state.isLoaded && lines.length === 0;
  const typing = state.agentTyping !== null ? `${state.agentTyping || texts.agent} ${texts.typing}` : answering ? texts.botTyping : null;
  return (
    <div class="scroll" ref={box} tabIndex={0} role="region" aria-label={texts.log}>
      {isEmpty && <Empty config={config} language={language} texts={texts} onSend={onSend} />}
      <div role="log" aria-live="polite" aria-label={texts.log} class="log">
        {lines.map((line, place) => (
          <Message
            key={line.key}
            line={line}
            texts={texts}
            isNewest={place === lines.length - 1}
            showAuthor={authorOf(lines[place - 1]) !== authorOf(line)}
            onChoose={(choice: Choice) => onSend(choice.title, choice.payload)}
            onRetry={(id) => void client.retry(id)}
            onDiscard={(id) => void client.discard(id)}
          />
        ))}
      </div>
      {typing !== null && (
        <p class="typing">
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {typing}
        </p>
      )}
    </div>
  );
}

function Empty({ config, language, texts, onSend }: { config: WidgetConfig; language: Language; texts: Texts; onSend: (text: string) => void }) {
  return (
    <div class="empty">
      <p class="greeting">{config.greetings[language] ?? texts.greeting}</p>
      <p class="hint">{texts.hint}</p>
      <div class="choices" role="group">
        {(config.starters[language] ?? texts.starters).map((question) => (
          <button key={question} type="button" class="choice" onClick={() => onSend(question)}>
            {question}
          </button>
        ))}
      </div>
    </div>
  );
}

function authorOf(line: Line | undefined): string {
  if (line === undefined) return "";
  return `${line.message.author.kind}:${line.message.author.name ?? ""}`;
}

/** Keep the newest line in view, unless the reader has scrolled up. */
function useFollowing(nLines: number) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const note = () => {
      isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
    };
    const keep = () => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    };
    element.addEventListener("scroll", note, { passive: true });
    const watcher = new ResizeObserver(keep);
    watcher.observe(element);
    return () => {
      element.removeEventListener("scroll", note);
      watcher.disconnect();
    };
  }, []);
  useEffect(() => {
    const element = box.current;
    if (element && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [nLines]);
  return box;
}

/** Whether the assistant is likely at work: the newest line is the customer's, it is there, and it is young. */
function useBotIsAnswering(state: ClientState): boolean {
  const last = state.lines[state.lines.length - 1];
  const isWaiting =
    state.thread.owner === "bot" && last !== undefined && last.message.author.kind === "customer" && last.state === "sent";
  const [isOver, setIsOver] = useState(false);
  const key = isWaiting ? last.key : null;
  useEffect(() => {
    setIsOver(false);
    if (key === null) return undefined;
    const timer = setTimeout(() => setIsOver(true), BOT_ANSWERS_WITHIN_MS);
    return () => clearTimeout(timer);
  }, [key]);
  return isWaiting && !isOver && state.connection !== "offline";
}
