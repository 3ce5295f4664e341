/** Whether a key says "send": Enter, but not Shift+Enter, and not the Enter that ends a composition (IME). */
export function isEnterToSend(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return false;
  // Safari ends a composition before it tells of the Enter that ended it, and marks that one in no other way.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  return event.keyCode !== 229;
}
