import { describe, expect, it } from "vitest";

import { EMPTY_THREAD, fold } from "../src/client/thread";
import { safeHref, splitLinks } from "../src/view/links";
import { chooseLanguage, TEXTS } from "../src/view/texts";

describe("links in texts", () => {
  it("finds addresses and leaves the rest text", () => {
    expect(splitLinks("see https://a.example/x?y=1. or mailto:help@a.example，谢谢")).toEqual([
      { text: "see " },
      { text: "https://a.example/x?y=1", href: "https://a.example/x?y=1" },
      { text: ". or " },
      { text: "mailto:help@a.example", href: "mailto:help@a.example" },
      { text: "，谢谢" },
    ]);
  });

  it.each(["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//", "java\nscript:alert(1)"])(
    "does not link %j",
    (address) => {
      const linked = splitLinks(`a ${address} b`).filter((part) => part.href !== undefined);
      expect(linked).toEqual([]);
      expect(safeHref(address, "https://shop.example/") ?? "https://").toMatch(/^https:/);
    },
  );

  it("keeps the text whole", () => {
    const text = "https://a.example, tel:+8613800000000; x";
    expect(splitLinks(text).map((part) => part.text).join("")).toBe(text);
  });
});

describe("the thread", () => {
  it("knows who speaks, and how long the queue is", () => {
    const at = "2026-01-01T00:00:00Z";
    const queued = fold(fold(EMPTY_THREAD, { seq: 2, type: "owner_changed", at, data: { from: "bot", to: "queue" } }), { seq: 3, type: "handoff_opened", at, data: { position: 4 } });
    expect(queued).toMatchObject({ owner: "queue", position: 4 });

    const joined = fold(queued, { seq: 5, type: "agent_joined", at, data: { agent: { name: "Han Mei" } } });
    expect(joined).toMatchObject({ owner: "agent", agentName: "Han Mei", position: null });
    expect(fold(joined, { seq: 5, type: "closed", at, data: {} })).toBe(joined);
  });
});

describe("the language", () => {
  it("is the one asked for, else the browser's, else the widget's first", () => {
    expect(chooseLanguage("en-GB", ["zh-CN"], ["zh", "en"])).toBe("en");
    expect(chooseLanguage(null, ["fr", "zh-TW"], ["en", "zh"])).toBe("zh");
    expect(chooseLanguage("zh", ["zh"], ["en"])).toBe("en");
  });

  it("has every text in both", () => {
    expect(Object.keys(TEXTS.zh)).toEqual(Object.keys(TEXTS.en));
  });
});
