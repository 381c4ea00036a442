// Stays at the end while an answer grows, and yields to the reader.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const near = 48; // pixels from the end that count as being there

/** What a scrolled list needs. */
export interface Scroll {
  /** For the element that scrolls. */
  list: preact.RefObject<HTMLDivElement | null>;
  /** For its only child, which grows. */
  content: preact.RefObject<HTMLDivElement | null>;
  /** The reader is at the end, or was not driven from it. */
  pinned: boolean;
  toEnd(): void;
  /** Keeps what is seen in its place while older turns come above it. */
  hold(): void;
}

export function useScroll(): Scroll {
  const list = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const pin = useRef(true);
  const last = useRef(0); // where we were
  const held = useRef<number | undefined>(undefined); // distance to the end that is to be kept
  const [pinned, setPinned] = useState(true);

  const set = useCallback((on: boolean) => {
    pin.current = on;
    setPinned(on);
  }, []);
  const toEnd = useCallback(() => {
    set(true);
    const el = list.current;
    if (el) el.scrollTop = el.scrollHeight;
  }, []);
  const hold = useCallback(() => {
    const el = list.current;
    if (el) held.current = el.scrollHeight - el.scrollTop;
  }, []);

  useLayoutEffect(() => {
    const el = list.current!;
    const grown = new ResizeObserver(() => {
      if (held.current !== undefined && !pin.current) el.scrollTop = el.scrollHeight - held.current;
      held.current = undefined;
      if (pin.current) el.scrollTop = el.scrollHeight;
    });
    grown.observe(content.current!);
    grown.observe(el);
    return () => grown.disconnect();
  }, []);
  useEffect(() => {
    const el = list.current!;
    const scrolled = () => {
      const left = el.scrollHeight - el.clientHeight - el.scrollTop;
      // Growing moves the end away, never the reader up: only the reader does that.
      if (left <= near) set(true);
      else if (el.scrollTop < last.current - 1) set(false);
      last.current = el.scrollTop;
    };
    const wheeled = (e: WheelEvent) => {
      if (e.deltaY < 0 && el.scrollTop > 0) set(false); // before the next token pulls back
    };
    el.addEventListener("scroll", scrolled, { passive: true });
    el.addEventListener("wheel", wheeled, { passive: true });
    return () => {
      el.removeEventListener("scroll", scrolled);
      el.removeEventListener("wheel", wheeled);
    };
  }, []);
  return { list, content, pinned, toEnd, hold };
}
