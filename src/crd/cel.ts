/**
 * Rules that the API server checks by itself at `kubectl apply`. They stand beside the zod check that says the same, as
 * metadata of the schema, from where the generator of deploy/crds takes them.
 */

export interface CelRule {
  /** CEL that is true for what is right. */
  readonly rule: string;
  /** What is wrong, when the rule is false. */
  readonly message: string;
  /** CEL that yields a better message from the value. */
  readonly expression?: string;
  /** A field below that the refusal is about: `.ports`. */
  readonly fieldPath?: string;
}

/** Metadata for a schema whose values the rules judge. */
export const rules = (...list: readonly CelRule[]): { 'x-kubernetes-validations': readonly object[] } => ({
  'x-kubernetes-validations': list.map(({ rule, message, expression, fieldPath }) => ({
    rule,
    message,
    ...(expression === undefined ? {} : { messageExpression: expression }),
    ...(fieldPath === undefined ? {} : { fieldPath }),
  })),
});
