// Line icons, drawn here so that the page loads nothing else.

function icon(d: string) {
  return () => (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={d} fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export const PlusIcon = icon("M12 5v14M5 12h14");
export const MenuIcon = icon("M4 7h16M4 12h16M4 17h10");
export const SendIcon = icon("M12 19V5M6 11l6-6 6 6");
export const CopyIcon = icon("M9 9h10v11H9zM15 9V4H5v11h4");
export const CheckIcon = icon("M5 13l4.5 4.5L19 7");
export const AgainIcon = icon("M20 12a8 8 0 1 1-2.5-5.8M20 4v4.5h-4.5");
export const EditIcon = icon("M4 20l1-4.5L16.5 4 20 7.5 8.5 19z");
export const LeftIcon = icon("M14.5 6l-6 6 6 6");
export const RightIcon = icon("M9.5 6l6 6-6 6");
export const DownIcon = icon("M12 5v14M6 13l6 6 6-6");
export const CloseIcon = icon("M6 6l12 12M18 6L6 18");
export const KeysIcon = icon("M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 14.5h8");

export function StopIcon() {
  return <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false"><rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor" /></svg>;
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="#0e6264" />
      <path d="M6 9h20M9 9v6M16 9v10M23 9v14" stroke="#e9dfc9" stroke-width="2" stroke-linecap="round" fill="none" />
      <path d="M6 17c6 0 8 7 20 8" stroke="#7fd6cf" stroke-width="3" stroke-linecap="round" fill="none" />
    </svg>
  );
}
