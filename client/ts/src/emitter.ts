/** Calls whoever listens. A listener that throws does not keep the others from hearing. */
export class Emitter<T> {
  #listeners = new Set<(v: T) => void>();

  /** Adds a listener and returns what removes it. */
  on(fn: (v: T) => void): () => void {
    const own = (v: T) => fn(v); // the same function added twice is two listeners
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  emit(v: T): void {
    for (const fn of [...this.#listeners]) {
      try {
        fn(v);
      } catch (e) {
        queueMicrotask(() => {
          throw e; // the host reports it as any uncaught error
        });
      }
    }
  }
}
