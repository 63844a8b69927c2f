/** The visitor's token, where this browser keeps it; without storage it lives as long as the page. */

import type { TokenStore } from "./chat_client";

export function visitorTokens(widget: string): TokenStore {
  const key = `yiti.visitor.${widget}`;
  let kept: string | null = null;
  return {
    getVisitorToken() {
      try {
        return localStorage.getItem(key) ?? kept;
      } catch {
        return kept;
      }
    },
    setVisitorToken(token) {
      kept = token;
      try {
        if (token === null) localStorage.removeItem(key);
        else localStorage.setItem(key, token);
      } catch {
        // Storage is forbidden here; the page's own memory must do.
      }
    },
  };
}
