// How a timeline becomes a conversation with branches. Pure. The Go package
// channel is the other implementation (tree.go).

/** What a tree knows of one turn. */
export interface Node {
  readonly turn: string;
  /** Its place on the timeline. */
  readonly place: number;
  /** The turn it follows. */
  readonly parent: string;
  readonly supersedes: string;
}

/** The turns of a channel as far as they are known, and how they hang together. */
export class Tree {
  #nodes = new Map<string, Node>();
  #groups = new Map<string, string[]>(); // turns that stand at the same place of the conversation

  get(turn: string): Node | undefined {
    return this.#nodes.get(turn);
  }

  /**
   * Adds a turn. The second entry of the same turn changes nothing. One that
   * names no parent, such as a plain XADD, stands where the turn does that it
   * supersedes, or else follows the turn begun before it.
   */
  begin(n: Node): boolean {
    if (this.#nodes.has(n.turn)) return false;
    this.#nodes.set(n.turn, n.parent === "" ? { ...n, parent: this.#parent(n) } : n);
    if (n.supersedes !== "") this.#join([...this.branches(n.supersedes), n.turn]);
    else if (!this.#groups.has(n.turn)) this.#groups.set(n.turn, [n.turn]);
    return true;
  }

  /** Notes that these turns stand at the same place, oldest first, also those not known yet. */
  branch(turns: readonly string[]): void {
    const have = turns.length > 1 ? this.branches(turns[0]!) : turns;
    if (turns.some((t) => !have.includes(t))) this.#join(turns);
  }

  remove(turn: string): void {
    this.#nodes.delete(turn);
    const group = this.branches(turn).filter((t) => t !== turn);
    this.#groups.delete(turn);
    for (const t of group) this.#groups.set(t, group);
  }

  /** All turns at the place of this one, oldest first, itself included; the same array until that changes. */
  branches(turn: string): readonly string[] {
    return this.#groups.get(turn) ?? [turn];
  }

  /** The conversation that ends with leaf, oldest first, as far back as it is known. */
  path(leaf: string): Node[] {
    const out: Node[] = [];
    let n = this.#nodes.get(leaf);
    while (n && out.length <= this.#nodes.size) {
      out.push(n);
      n = this.#nodes.get(n.parent);
    }
    return out.reverse();
  }

  /** The newest turn of the conversation that goes through turn. */
  follow(turn: string): string {
    for (let i = 0; i <= this.#nodes.size; i++) {
      let next: Node | undefined;
      for (const n of this.#nodes.values()) {
        if (n.parent === turn && (!next || n.place > next.place)) next = n;
      }
      if (!next) return turn;
      turn = next.turn;
    }
    return turn;
  }

  #parent(n: Node): string {
    if (n.supersedes !== "") return this.#nodes.get(n.supersedes)?.parent ?? "";
    let last: Node | undefined;
    for (const o of this.#nodes.values()) {
      if (o.place < n.place && (!last || o.place > last.place)) last = o;
    }
    return last?.turn ?? "";
  }

  // The given turns first, in their order, then who was known beside them.
  #join(turns: readonly string[]): void {
    const all = new Set(turns);
    for (const t of turns) for (const o of this.#groups.get(t) ?? []) all.add(o);
    const group = [...all];
    for (const t of group) this.#groups.set(t, group);
  }
}
