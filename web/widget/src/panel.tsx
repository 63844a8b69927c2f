/** The panel's page: joins the protocol client, the view and the page that embeds it. */

import { render } from "preact";

import { ChatClient } from "./client/chat_client";
import { HttpApi } from "./client/http";
import { Host } from "./client/host";
import type { Language, WidgetConfig } from "./client/protocol";
import { openQueue } from "./client/queue";
import { visitorTokens } from "./client/tokens";
import "./view/panel.css";
import { Panel } from "./view/panel";
import { chooseLanguage, TEXTS } from "./view/texts";

async function exclusively(name: string, task: () => Promise<void>): Promise<void> {
  if (!("locks" in navigator)) return task();
  await navigator.locks.request(name, task);
}

async function loadConfig(api: HttpApi, widget: string): Promise<WidgetConfig> {
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 15_000)) {
    try {
      return await api.getConfig(widget);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

async function main(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const widget = query.get("widget") ?? "";
  const root = document.getElementById("panel");
  if (!root) return;
  const api = new HttpApi(location.origin);
  const [config, queue] = await Promise.all([loadConfig(api, widget), openQueue()]);
  const client = new ChatClient({
    widget,
    socketUrl: `${location.origin.replace(/^http/, "ws")}/web/v1/socket`,
    api,
    queue,
    tokens: visitorTokens(widget),
    connectSocket: (url) => new WebSocket(url),
    exclusively,
  });
  let language: Language = chooseLanguage(query.get("lang"), navigator.languages, config.languages);
  let focusKey = 0;
  const host = Host.find(query.get("host"));

  function show(): void {
    if (!root) return;
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = config.names[language] ?? TEXTS[language].title;
    render(
      <Panel client={client} config={config} language={language} isEmbedded={host !== null} focusKey={focusKey} onClose={() => host?.tell({ event: "close" })} />,
      root,
    );
  }

  host?.listen((order) => {
    switch (order.do) {
      case "identify":
        client.start(order.jwt);
        break;
      case "sign_out":
        void client.signOut();
        break;
      case "shown":
        focusKey += 1;
        host.seen(client.getState());
        client.sayRead();
        break;
      case "hidden":
        host.hidden();
        break;
      case "language":
        language = chooseLanguage(order.language, navigator.languages, config.languages);
        break;
    }
    show();
  });
  client.subscribe(() => host?.follow(client.getState()));
  window.addEventListener("online", () => client.retryNow());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") client.retryNow();
  });
  show();
  if (host === null) client.start();
  else host.tell({ event: "ready" });
}

void main();
