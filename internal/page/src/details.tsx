// What stands behind an error, for those who can mend it.

interface Props {
  code: string | undefined;
  message: string | undefined;
  hint?: string | undefined;
}

/** The message as the server wrote it, folded away. */
export function Details({ code, message, hint }: Props) {
  if (!code && !message) return null;
  return (
    <details class="fold details">
      <summary>Details</summary>
      <div>{message}{hint ? ` (${hint})` : ""} {code && <code>{code}</code>}</div>
    </details>
  );
}
