// The operator's token. It is kept for this tab, until the tab is closed or the operator signs out.

const KEY = "parley-admin-token";

export const keptToken = () => sessionStorage.getItem(KEY) ?? "";
export const keepToken = (token) => sessionStorage.setItem(KEY, token);
export const forgetToken = () => sessionStorage.removeItem(KEY);
