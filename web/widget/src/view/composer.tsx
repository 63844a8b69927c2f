/** Where the customer writes: Enter sends, Shift+Enter breaks the line, a half-typed character is never sent. */

import { useEffect, useRef, useState } from "preact/hooks";

import type { Texts } from "./texts";

export const MAX_CHARACTERS = 4000;
const SHOW_COUNT_FROM = 3600;

interface ComposerProps {
  texts: Texts;
  isDisabled: boolean;
  onSend: (text: string) => void;
  onTyping: () => void;
  focusKey: number;
}

export function Composer({ texts, isDisabled, onSend, onTyping, focusKey }: ComposerProps) {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const length = Array.from(text).length;
  const isTooLong = length > MAX_CHARACTERS;

  useEffect(() => {
    if (focusKey > 0) field.current?.focus({ preventScroll: true });
  }, [focusKey]);

  useEffect(() => {
    const area = field.current;
    if (!area) return;
    area.rows = 1;
    const lineHeight = 22;
    area.rows = Math.max(1, Math.min(5, Math.round((area.scrollHeight - 20) / lineHeight)));
  }, [text]);

  function submit(): void {
    if (isDisabled || isTooLong || text.trim() === "") return;
    onSend(text.trim());
    setText("");
    field.current?.focus({ preventScroll: true });
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        value={text}
        disabled={isDisabled}
        aria-label={texts.input}
        aria-invalid={isTooLong}
        aria-describedby={length >= SHOW_COUNT_FROM ? "count" : undefined}
        placeholder={texts.placeholder}
        enterkeyhint="send"
        onInput={(event) => {
          setText(event.currentTarget.value);
          onTyping();
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          submit();
        }}
      />
      <button type="submit" class="send" disabled={isDisabled || isTooLong || text.trim() === ""} aria-label={texts.send} title={texts.send}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M4 12 20 4l-5.5 16-3-6.5z" />
        </svg>
      </button>
      {length >= SHOW_COUNT_FROM && (
        <p id="count" class={isTooLong ? "count over" : "count"} role="status">
          {isTooLong ? texts.tooLong(length) : `${length} / ${MAX_CHARACTERS}`}
        </p>
      )}
    </form>
  );
}
