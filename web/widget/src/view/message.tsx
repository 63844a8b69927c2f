/** One line of the conversation. Everything said is a text node; nothing said can become markup. */

import type { Choice, Source } from "../client/protocol";
import type { MessageLine } from "../client/thread";
import { safeHref, splitLinks } from "./links";
import type { Texts } from "./texts";

interface MessageProps {
  line: MessageLine;
  texts: Texts;
  /** Choices can be taken only from the newest message of ours. */
  isNewest: boolean;
  showAuthor: boolean;
  onChoose: (choice: Choice) => void;
  onRetry: (id: string) => void;
  onDiscard: (id: string) => void;
}

export function Message({ line, texts, isNewest, showAuthor, onChoose, onRetry, onDiscard }: MessageProps) {
  const { message, state } = line;
  const kind = message.author.kind;
  if (kind === "system") return <p class="notice">{message.text}</p>;
  const own = kind === "customer";
  const author = own ? texts.you : kind === "agent" ? texts.agentNamed(message.author.name ?? texts.agent) : texts.bot;
  return (
    <div class={`line ${kind} ${state}`}>
      <p class={showAuthor && !own ? "author" : "hidden"}>{author}</p>
      <div class="bubble">
        {message.text !== "" &&
          (message.source === undefined ? (
            <RichText text={message.text} />
          ) : (
            <blockquote>
              <RichText text={message.text} />
            </blockquote>
          ))}
        {message.card !== undefined && <Card card={message.card} texts={texts} />}
        {message.source !== undefined && <SourceLink source={message.source} texts={texts} />}
      </div>
      {message.choices !== undefined && message.choices.length > 0 && isNewest && (
        <div class="choices" role="group">
          {message.choices.map((choice) => (
            <button key={choice.payload} type="button" class="choice" onClick={() => onChoose(choice)}>
              {choice.title}
            </button>
          ))}
        </div>
      )}
      {own && <Delivery line={line} texts={texts} onRetry={onRetry} onDiscard={onDiscard} />}
    </div>
  );
}

function RichText({ text }: { text: string }) {
  return (
    <p class="text">
      {splitLinks(text).map((part, place) =>
        part.href === undefined ? (
          part.text
        ) : (
          <a key={place} href={part.href} target="_blank" rel="noopener nofollow">
            {part.text}
          </a>
        ),
      )}
    </p>
  );
}

function OutLink({ href, texts, children }: { href: string; texts: Texts; children: string }) {
  return (
    <a href={href} target="_blank" rel="noopener nofollow">
      {children}
      <span class="hidden"> {texts.newTab}</span>
    </a>
  );
}

function SourceLink({ source, texts }: { source: Source; texts: Texts }) {
  const href = source.url === undefined ? null : safeHref(source.url);
  const title = source.section ? `${source.title} · ${source.section}` : source.title;
  return (
    <p class="source">
      <span class="source-label">{texts.source}</span>
      {href === null ? (
        <span>{title}</span>
      ) : (
        <OutLink href={href} texts={texts}>
          {title}
        </OutLink>
      )}
    </p>
  );
}

function Card({ card, texts }: { card: NonNullable<MessageLine["message"]["card"]>; texts: Texts }) {
  const href = card.url === undefined ? null : safeHref(card.url);
  return (
    <div class="card">
      {card.title !== undefined && <p class="card-title">{card.title}</p>}
      {card.text !== undefined && <RichText text={card.text} />}
      {card.fields !== undefined && (
        <dl>
          {card.fields.map((field) => (
            <div key={field.name}>
              <dt>{field.name}</dt>
              <dd>{field.value}</dd>
            </div>
          ))}
        </dl>
      )}
      {href !== null && (
        <OutLink href={href} texts={texts}>
          {texts.open}
        </OutLink>
      )}
    </div>
  );
}

function Delivery({ line, texts, onRetry, onDiscard }: { line: MessageLine; texts: Texts; onRetry: (id: string) => void; onDiscard: (id: string) => void }) {
  const id = line.message.message_id;
  if (line.state === "failed") {
    const reason = line.failure === undefined ? undefined : texts.failure[line.failure];
    return (
      <p class="delivery failed">
        <span>
          {texts.failed}
          {reason !== undefined && ` · ${reason}`}
        </span>
        <button type="button" onClick={() => onRetry(id)}>
          {texts.retry}
        </button>
        <button type="button" onClick={() => onDiscard(id)}>
          {texts.discard}
        </button>
      </p>
    );
  }
  return <p class={`delivery ${line.state}`}>{line.state === "sending" ? texts.sending : texts.sent}</p>;
}
