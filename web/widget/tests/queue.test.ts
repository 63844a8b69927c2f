import { IDBFactory } from "fake-indexeddb";
import { describe, expect, it } from "vitest";

import { IndexedDbQueue, MemoryQueue, type MessageQueue } from "../src/client/queue";

const message = (id: string, scope = "shop:visitor") => ({ client_msg_id: id, type: "text" as const, text: id, at: "2026-01-01T00:00:00Z", scope });

const kinds: [string, () => Promise<MessageQueue>][] = [
  ["IndexedDB", () => IndexedDbQueue.open(new IDBFactory())],
  ["memory", () => Promise.resolve(new MemoryQueue())],
];

describe.each(kinds)("the queue in %s", (_name, open) => {
  it("gives messages back in the order they were added, by scope", async () => {
    const queue = await open();
    for (const id of ["a", "b", "c"]) await queue.add(message(id));
    await queue.add(message("d", "shop:user"));

    expect((await queue.list("shop:visitor")).map((one) => one.text)).toEqual(["a", "b", "c"]);
  });

  it("updates in place and removes by id", async () => {
    const queue = await open();
    const first = await queue.add(message("a"));
    await queue.add(message("b"));

    await queue.update({ ...first, failed: "too_long" });
    await queue.remove("b");
    await queue.remove("never there");

    expect(await queue.list("shop:visitor")).toEqual([{ ...first, failed: "too_long" }]);
    await queue.clear();
    expect(await queue.list("shop:visitor")).toEqual([]);
  });
});

it("outlives the page", async () => {
  const factory = new IDBFactory();
  await (await IndexedDbQueue.open(factory)).add(message("a"));

  expect(await (await IndexedDbQueue.open(factory)).list("shop:visitor")).toHaveLength(1);
});
