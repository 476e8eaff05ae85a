/** What `nft` answered: a value, or a sentence that says why not. */
export type NftResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };
