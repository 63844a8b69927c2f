/**
 * The loader: one async script on a shop's page. It draws a button, opens the panel in an iframe when asked, and
 * touches nothing else: its elements live in a shadow root, its style sheet is its own.
 */

import { LAUNCHER_CSS } from "./style";

type Listener = (value: unknown) => void;
type News = "ready" | "close" | "unread" | "active" | "user_token_wanted" | "open";

interface BootOptions {
  widget: string;
  language?: string;
  userJwt?: string;
}

const LABELS = {
  zh: { open: "打开在线客服", close: "关闭在线客服", unread: (n: number) => `，${n} 条未读消息`, frame: "在线客服对话" },
  en: { open: "Open the chat", close: "Close the chat", unread: (n: number) => `, ${n} unread`, frame: "Chat" },
};
const NARROW = "(max-width: 480px), (max-height: 480px)";

class Widget {
  private readonly root: HTMLElement;
  private readonly launcher: HTMLButtonElement;
  private readonly badge: HTMLSpanElement;
  private readonly box: HTMLDivElement;
  private frame: HTMLIFrameElement | null = null;
  private isReady = false;
  private isOpen = false;
  private unread = 0;
  private jwt: string | null;
  private language: string;
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly abort = new AbortController();

  constructor(
    private readonly server: string,
    private readonly options: BootOptions,
  ) {
    this.jwt = options.userJwt ?? null;
    this.language = options.language ?? (document.documentElement.lang || navigator.language);
    this.root = document.createElement("div");
    const shadow = this.root.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(LAUNCHER_CSS);
    shadow.adoptedStyleSheets = [sheet];
    this.box = document.createElement("div");
    this.box.className = "box";
    this.box.hidden = true;
    this.launcher = document.createElement("button");
    this.launcher.type = "button";
    this.launcher.className = "launcher";
    this.launcher.append(icon());
    this.badge = document.createElement("span");
    this.badge.className = "badge";
    this.badge.hidden = true;
    this.launcher.append(this.badge);
    this.launcher.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    shadow.append(this.box, this.launcher);
    this.label();
    document.body.append(this.root);
    window.addEventListener("message", (event) => this.hear(event), { signal: this.abort.signal });
    if (remembered(options.widget)) this.load(); // so that the button can tell of unread messages
  }

  open(): void {
    this.load();
    this.box.hidden = false;
    this.isOpen = true;
    this.launcher.classList.toggle("covered", matchMedia(NARROW).matches);
    this.label();
    this.frame?.focus();
    this.order({ do: "shown" });
    this.emit("open", null);
  }

  close(): void {
    if (!this.isOpen) return;
    this.box.hidden = true;
    this.isOpen = false;
    this.launcher.classList.remove("covered");
    this.label();
    this.order({ do: "hidden" });
    this.launcher.focus();
    this.emit("close", null);
  }

  identify(jwt: string | null): void {
    const signsOut = jwt === null && this.jwt !== null;
    this.jwt = jwt;
    if (signsOut) this.order({ do: "sign_out" });
    else if (jwt !== null) this.order({ do: "identify", jwt });
    if (signsOut) remember(this.options.widget, false);
  }

  speak(language: string): void {
    this.language = language;
    this.label();
    this.order({ do: "language", language });
  }

  on(name: string, listener: Listener): () => void {
    const listeners = this.listeners.get(name) ?? new Set();
    listeners.add(listener);
    this.listeners.set(name, listeners);
    return () => listeners.delete(listener);
  }

  shutdown(): void {
    this.abort.abort();
    this.root.remove();
  }

  private load(): void {
    if (this.frame) return;
    const query = new URLSearchParams({ widget: this.options.widget, lang: this.language, host: location.origin });
    this.frame = document.createElement("iframe");
    this.frame.title = this.labels().frame;
    this.frame.src = `${this.server}/widget/index.html?${query}`;
    this.frame.allow = "";
    this.box.append(this.frame);
  }

  private labels() {
    return this.language.toLowerCase().startsWith("zh") ? LABELS.zh : LABELS.en;
  }

  private label(): void {
    const labels = this.labels();
    const unread = this.unread > 0 && !this.isOpen ? labels.unread(this.unread) : "";
    this.launcher.setAttribute("aria-label", (this.isOpen ? labels.close : labels.open) + unread);
    this.launcher.setAttribute("aria-expanded", String(this.isOpen));
    this.badge.hidden = unread === "";
    this.badge.textContent = this.unread > 99 ? "99+" : String(this.unread);
    if (this.frame) this.frame.title = labels.frame;
  }

  private order(order: Record<string, unknown>): void {
    if (this.isReady) this.frame?.contentWindow?.postMessage({ yiti: 1, ...order }, this.server);
  }

  private hear(event: MessageEvent<unknown>): void {
    if (event.origin !== this.server || !this.frame || event.source !== this.frame.contentWindow) return;
    const news = event.data as { yiti?: number; event?: News; count?: number } | null;
    if (news?.yiti !== 1) return;
    switch (news.event) {
      case "ready":
        this.isReady = true;
        this.order({ do: "identify", jwt: this.jwt });
        if (this.isOpen) this.order({ do: "shown" });
        break;
      case "close":
        this.close();
        return;
      case "unread":
        this.unread = news.count ?? 0;
        this.label();
        break;
      case "active":
        remember(this.options.widget, true);
        break;
    }
    if (news.event) this.emit(news.event, news.count ?? null);
  }

  private emit(name: string, value: unknown): void {
    for (const listener of this.listeners.get(name) ?? []) listener(value);
  }
}

function icon(): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-6l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z");
  svg.append(path);
  return svg;
}

function remembered(widget: string): boolean {
  try {
    return localStorage.getItem(`yiti.active.${widget}`) === "1";
  } catch {
    return false;
  }
}

function remember(widget: string, isActive: boolean): void {
  try {
    if (isActive) localStorage.setItem(`yiti.active.${widget}`, "1");
    else localStorage.removeItem(`yiti.active.${widget}`);
  } catch {
    // Without storage the button tells of unread messages only once the panel was opened.
  }
}

const script = document.currentScript as HTMLScriptElement | null;
const server = new URL(script?.src ?? location.href).origin;
let widget: Widget | null = null;
const waiting: [string, Listener][] = [];

const api = {
  boot(options: BootOptions): void {
    widget?.shutdown();
    widget = new Widget(server, options);
    for (const [name, listener] of waiting.splice(0)) widget.on(name, listener);
  },
  identify: (jwt: string | null) => widget?.identify(jwt),
  open: () => widget?.open(),
  close: () => widget?.close(),
  speak: (language: string) => widget?.speak(language),
  on(name: string, listener: Listener): void {
    if (widget) widget.on(name, listener);
    else waiting.push([name, listener]);
  },
  shutdown(): void {
    widget?.shutdown();
    widget = null;
  },
};

(window as unknown as { Yiti: typeof api }).Yiti = api;
const wanted = script?.dataset["widget"];
if (wanted !== undefined) {
  const boot = () => api.boot({ widget: wanted, language: script?.dataset["language"] });
  if (document.body as HTMLElement | null) boot();
  else document.addEventListener("DOMContentLoaded", boot, { once: true });
}
window.dispatchEvent(new CustomEvent("yiti:loaded"));
