import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ChatClient, type TokenStore } from "../src/client/chat_client";
import { MemoryQueue, type MessageQueue } from "../src/client/queue";
import { FakeServer } from "./fakes";

class Tokens implements TokenStore {
  token: string | null = null;
  getVisitorToken() {
    return this.token;
  }
  setVisitorToken(token: string | null) {
    this.token = token;
  }
}

function makeClient(server: FakeServer, queue: MessageQueue = new MemoryQueue(), tokens = new Tokens()) {
  return new ChatClient({
    widget: "shop",
    socketUrl: "ws://server/web/v1/socket",
    api: server.api,
    queue,
    tokens,
    connectSocket: server.connect,
    random: () => 0,
  });
}

function shown(client: ChatClient): string[] {
  return client.getState().lines.map((line) => `${line.message.text}:${line.state}`);
}

describe("the protocol client", () => {
  let server: FakeServer;
  let client: ChatClient;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new FakeServer();
    client = makeClient(server);
  });

  afterEach(() => {
    client.stop();
    vi.useRealTimers();
  });

  async function pass(ms = 0): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  it("shows the history and then what comes", async () => {
    server.say("hello");
    client.start();
    await pass(10);
    server.say("how can I help?");

    expect(client.getState().connection).toBe("live");
    expect(shown(client)).toEqual(["hello:sent", "how can I help?:sent"]);
  });

  it("sends what was written before the connection stood, in order", async () => {
    server.isUp = false;
    client.start();
    await pass(10);
    for (const text of ["one", "two", "three"]) await client.send(text, "en");
    expect(shown(client)).toEqual(["one:sending", "two:sending", "three:sending"]);

    server.mend();
    await pass(60_000);

    expect(server.texts).toEqual(["one", "two", "three"]);
    expect(shown(client)).toEqual(["one:sent", "two:sent", "three:sent"]);
  });

  it("sends again under the same id when the answer was lost, and shows the message once", async () => {
    client.start();
    await pass(10);
    server.dropAcks = 1;
    await client.send("only once", "en");
    await pass(60_000);

    expect(server.texts).toEqual(["only once"]);
    expect(shown(client)).toEqual(["only once:sent"]);
    expect(await client["options"].queue.list("shop:visitor")).toEqual([]);
  });

  it("resumes after the last number it saw and folds no event in twice", async () => {
    client.start();
    await pass(10);
    server.say("one");
    server.cut();
    server.say("two");
    server.say("three");
    server.mend();
    await pass(60_000);
    server.sockets.at(-1)?.tell({ t: "ev", ev: server.events[0] });

    expect(shown(client)).toEqual(["one:sent", "two:sent", "three:sent"]);
    expect(server.sockets.at(-1)?.heard[0]).toMatchObject({ t: "auth", after: 1 });
  });

  it("waits longer each time, and comes back at once when told that the network is there", async () => {
    server.cut();
    client.start();
    await pass(300_000);
    expect(server.attempts).toBeGreaterThan(15); // every 15 s at the end, with random() = 0
    expect(server.attempts).toBeLessThan(30);
    expect(client.getState().connection).toBe("offline");

    server.mend();
    client.retryNow();
    await pass(10);

    expect(client.getState().connection).toBe("live");
  });

  it("polls where sockets do not pass, and sends by HTTP", async () => {
    server.socketsPass = false;
    client.start();
    await pass(10_000);
    await client.send("by poll", "en");
    await pass(1_000);

    expect(client.getState().connection).toBe("polling");
    expect(server.texts).toEqual(["by poll"]);
    expect(server.posts).toBe(1);
    expect(shown(client)).toEqual(["by poll:sent"]);
  });

  it("goes back to a socket when one passes again", async () => {
    server.socketsPass = false;
    client.start();
    await pass(10_000);
    server.socketsPass = true;
    await pass(90_000);

    expect(client.getState().connection).toBe("live");
  });

  it("waits as long as the server says after too many messages, and then goes on", async () => {
    client.start();
    await pass(10);
    server.refuseNext = { code: "rate_limited", status: 429, retry_after: 7 };
    await client.send("quick", "en");
    await pass(100);
    expect(client.getState().slowUntil).not.toBeNull();
    expect(server.texts).toEqual([]);

    await pass(7_000);

    expect(server.texts).toEqual(["quick"]);
    expect(client.getState().slowUntil).toBeNull();
  });

  it("marks a message the server will never take, sends the next, and retries when asked", async () => {
    client.start();
    await pass(10);
    server.refuseNext = { code: "too_long", status: 413 };
    await client.send("bad", "en");
    await client.send("good", "en");
    await pass(100);
    expect(shown(client)).toEqual(["good:sent", "bad:failed"]);

    const failed = client.getState().lines.find((line) => line.state === "failed")!;
    await client.retry(failed.message.message_id);
    await pass(100);

    expect(server.texts).toEqual(["good", "bad"]);
  });

  it("proves itself again on the same socket when its token ran out", async () => {
    client.start();
    await pass(10);
    server.sockets[0]!.tell({ t: "error", code: "token_expired", detail: "" });
    await pass(10);

    expect(server.sockets).toHaveLength(1);
    expect(server.sockets[0]!.heard.filter((frame) => frame.t === "auth")).toHaveLength(2);
    expect(server.sessions).toHaveLength(2);
  });

  it("notices a silent connection and replaces it", async () => {
    client.start();
    await pass(10);
    const first = server.sockets[0]!;
    first.tell = () => undefined;
    await pass(60_000);

    expect(first.readyState).toBe(3);
    expect(server.sockets.length).toBeGreaterThan(1);
    expect(client.getState().connection).toBe("live");
  });

  it("drops a visitor's token the server does not know, and begins anew", async () => {
    const tokens = new Tokens();
    tokens.token = "of another installation";
    client = makeClient(server, new MemoryQueue(), tokens);
    server.refuseSession = { status: 401, code: "bad_token", which: "visitor" };
    client.start();
    await pass(10);
    expect(tokens.token).toBeNull();

    server.refuseSession = null;
    await pass(5_000);

    expect(client.getState().connection).toBe("live");
  });

  it("keeps the visitor's token and asks the site when the user's token ran out", async () => {
    const tokens = new Tokens();
    tokens.token = "visitor";
    client = makeClient(server, new MemoryQueue(), tokens);
    server.refuseSession = { status: 401, code: "token_expired", which: "user" };
    client.start("a.b.c");
    await pass(10);

    expect(client.getState()).toMatchObject({ connection: "refused", refusal: "user_token_expired" });
    expect(tokens.token).toBe("visitor");
  });

  it("takes a visitor's unsent messages along when they sign in", async () => {
    server.isUp = false;
    client.start();
    await pass(10);
    await client.send("before signing in", "en");

    client.start("a.b.c");
    server.mend();
    client.retryNow();
    await pass(60_000);

    expect(server.texts).toEqual(["before signing in"]);
  });

  it("forgets everything on signing out", async () => {
    const tokens = new Tokens();
    const queue = new MemoryQueue();
    client = makeClient(server, queue, tokens);
    server.isUp = false;
    client.start("a.b.c");
    await pass(10);
    await client.send("private", "en");

    await client.signOut();

    expect(await queue.list("shop:user")).toEqual([]);
    expect(client.getState().lines).toEqual([]);
    expect(tokens.token).toBeNull();
  });
});
