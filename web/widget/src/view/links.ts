/** Finds addresses in plain text; what is not an address of an allowed kind stays text. */

export interface TextPart {
  text: string;
  href?: string;
}

const ADDRESS = /(https?:\/\/[^\s<>"'，。；！？、（）《》「」]+|mailto:[^\s<>"'，。]+|tel:\+?[0-9-]+)/gi;
const ALLOWED = new Set(["http:", "https:", "mailto:", "tel:"]);
const TRAILING = /[.,;:!?)\]}]+$/;

export function splitLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, "");
    const href = safeHref(address);
    if (href === null) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** The address to link to, or null when its kind is not allowed; relative ones are the server's own. */
export function safeHref(address: string, base: string = globalThis.location.href): string | null {
  try {
    const url = new URL(address, base);
    return ALLOWED.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
