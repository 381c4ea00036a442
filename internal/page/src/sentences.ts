// What a screen reader is told of an answer while it streams: finished
// sentences, not tokens. Pure.

/** The place in text, at or after from, behind the last sentence that has ended. */
export function spoken(text: string, from: number): number {
  let end = from;
  for (const m of text.slice(from).matchAll(/[.!?…:](?=\s)|[。！？]|\n/g)) end = from + m.index + m[0].length;
  // Not in the middle of a code block: it is told when it is whole.
  const fences = text.slice(from, end).split("```").length - 1;
  return fences % 2 === 0 ? end : from + text.slice(from, end).lastIndexOf("```");
}

/** Text without the marks that are for the eye. */
export function plain(markdown: string): string {
  return markdown
    .replace(/```[^\n]*\n[\s\S]*?(?:```|$)/g, " Code block. ")
    .replace(/\[([^\]\n]{0,1000})\]\([^)\n]{0,2000}\)/g, "$1")
    .replace(/^ {0,3}(?:#{1,6} |> ?|[-*+] )/gm, "")
    .replace(/[*_`~]{1,3}/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
