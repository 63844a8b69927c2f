/** The web channel over HTTP. */

import { type Ack, type EventsPage, type OutgoingMessage, Problem, type Session, type WidgetConfig } from "./protocol";

const TIMEOUT_MS = 15_000;

export interface SessionRequest {
  widget: string;
  visitor_token?: string;
  user_jwt?: string;
}

export class HttpApi {
  constructor(
    private readonly base: string,
    private readonly fetcher: typeof fetch = (input, init) => fetch(input, init),
  ) {}

  getConfig(widget: string): Promise<WidgetConfig> {
    return this.call<WidgetConfig>(`/widgets/${encodeURIComponent(widget)}/config`);
  }

  openSession(request: SessionRequest): Promise<Session> {
    return this.call<Session>("/session", { body: request });
  }

  sendMessage(accessToken: string, message: OutgoingMessage): Promise<Ack> {
    return this.call<Ack>("/messages", { accessToken, body: message });
  }

  readEvents(accessToken: string, after: number, waitS: number, signal: AbortSignal): Promise<EventsPage> {
    const timeoutMs = waitS * 1000 + TIMEOUT_MS;
    return this.call<EventsPage>(`/events?after=${after}&wait=${waitS}`, { accessToken, signal, timeoutMs });
  }

  private async call<T>(
    path: string,
    options: { accessToken?: string; body?: unknown; signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<T> {
    const headers: Record<string, string> = {};
    if (options.accessToken !== undefined) headers["Authorization"] = `Bearer ${options.accessToken}`;
    if (options.body !== undefined) headers["Content-Type"] = "application/json";
    const signals = [AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)];
    if (options.signal) signals.push(options.signal);
    let response: Response;
    try {
      response = await this.fetcher(`${this.base}/web/v1${path}`, {
        method: options.body === undefined ? "GET" : "POST",
        headers,
        body: options.body === undefined ? null : JSON.stringify(options.body),
        signal: AbortSignal.any(signals),
        credentials: "omit",
      });
      if (response.ok) return (await response.json()) as T;
    } catch (error) {
      throw new Problem(0, "unreachable", error instanceof Error ? error.message : "unreachable");
    }
    throw await toProblem(response);
  }
}

async function toProblem(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  let code = `http_${response.status}`;
  let detail = response.statusText;
  let token: string | null = null;
  try {
    const document = (await response.json()) as { code?: string; detail?: string; details?: { which?: string } };
    code = document.code ?? code;
    detail = document.detail ?? detail;
    token = document.details?.which ?? null;
  } catch {
    // A proxy's own page: the status alone must do.
  }
  return new Problem(response.status, code, detail, Number.isFinite(retryAfter) ? retryAfter : null, token);
}
