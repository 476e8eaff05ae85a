/** Tells a trouble once for each change of its text. A listener that throws stops nobody. */
export function openTeller(listener: (trouble: string | null) => void): (trouble: string | null) => void {
  let told: string | null = null;
  return (trouble) => {
    if (trouble === told) return;
    told = trouble;
    try {
      listener(trouble);
    } catch {
      // There is nobody else to tell.
    }
  };
}
