/** The panel's own words, in both languages. */

import type { Language } from "../client/protocol";

const zh = {
  title: "在线客服",
  bot: "智能助理",
  agent: "人工客服",
  agentNamed: (name: string) => `人工客服 ${name}`,
  queued: "正在为您转接人工客服",
  position: (n: number) => `正在排队，前面还有 ${n - 1} 位`,
  positionNext: "下一位就是您",
  closedNow: "对话已结束，发送消息可重新开始",
  greeting: "您好，有什么可以帮您？",
  hint: "智能助理随时在线，也可以转人工客服。",
  starters: ["我的订单到哪里了？", "怎么退换货？", "转人工客服"],
  placeholder: "输入消息…",
  input: "消息",
  send: "发送",
  close: "关闭对话",
  log: "对话内容",
  you: "您",
  sending: "发送中",
  sent: "已发送",
  failed: "未能发送",
  retry: "重试",
  discard: "删除",
  connecting: "正在连接…",
  offline: "网络已断开，消息会在恢复后自动发送",
  polling: "",
  slow: (s: number) => `发送得有点快，${s} 秒后自动继续`,
  tooLong: (n: number) => `消息过长：${n} / 4000 字`,
  typing: "对方正在输入",
  botTyping: "智能助理正在回复",
  identity: "请先登录网站再使用客服。",
  expired: "登录已过期，请在网站上重新登录。",
  refused: "客服暂时无法在此页面使用。",
  source: "来源",
  open: "查看全文",
  newTab: "（在新窗口打开）",
  failure: { too_long: "内容太长", invalid_fields: "内容无法识别" } as Record<string, string>,
};

const en: typeof zh = {
  title: "Chat with us",
  bot: "Assistant",
  agent: "Agent",
  agentNamed: (name: string) => name,
  queued: "Passing you to a person",
  position: (n: number) => `In the queue, ${n - 1} before you`,
  positionNext: "You are next in the queue",
  closedNow: "This conversation has ended. Write to start again.",
  greeting: "Hello! How can we help?",
  hint: "The assistant is here at any time, and a person when you need one.",
  starters: ["Where is my order?", "How do I return something?", "Talk to a person"],
  placeholder: "Write a message…",
  input: "Message",
  send: "Send",
  close: "Close the chat",
  log: "Conversation",
  you: "You",
  sending: "Sending",
  sent: "Sent",
  failed: "Not sent",
  retry: "Try again",
  discard: "Delete",
  connecting: "Connecting…",
  offline: "You are offline. Messages will be sent when the connection is back.",
  polling: "",
  slow: (s: number) => `That was quick. Sending goes on in ${s} s.`,
  tooLong: (n: number) => `Too long: ${n} of 4,000 characters`,
  typing: "is typing",
  botTyping: "The assistant is answering",
  identity: "Please sign in on the site to chat with us.",
  expired: "Your sign-in has run out. Please sign in on the site again.",
  refused: "The chat cannot be used on this page.",
  source: "Source",
  open: "Read the article",
  newTab: "(opens in a new tab)",
  failure: { too_long: "too long", invalid_fields: "not understood" },
};

export type Texts = typeof zh;
export const TEXTS: Record<Language, Texts> = { zh, en };

/** The language to speak: asked for, else the browser's, else the widget's first. */
export function chooseLanguage(asked: string | null, browser: readonly string[], offered: readonly Language[]): Language {
  for (const wish of [asked ?? "", ...browser]) {
    const language = wish.toLowerCase().startsWith("zh") ? "zh" : wish.toLowerCase().startsWith("en") ? "en" : null;
    if (language !== null && offered.includes(language)) return language;
  }
  return offered[0] ?? "en";
}
