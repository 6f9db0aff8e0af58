// A wallet in the browser (EIP-1193): its address, and its signature under a challenge, verbatim (EIP-191).

import { ApiError, post } from "./api.js";

const provider = () => globalThis.ethereum;
export const hasWallet = () => typeof provider()?.request === "function";

/** What wallets answer, in words: 4001 is a person's no; -32002 says that a question is open already. */
function refusal(error) {
  const words = { 4001: "The wallet was told no. Nothing was signed.", "-32002": "The wallet is asking already. Look at it and answer there." };
  return new ApiError({ code: "wallet_refused", message: words[error?.code] || "The wallet didn’t sign. Unlock it and try again.", data: null });
}

async function ask(method, params) {
  try {
    return await provider().request({ method, params });
  } catch (error) {
    throw refusal(error);
  }
}

/** UTF-8 as hex: some wallets take a text that begins with 0x for bytes. */
const hex = (text) => `0x${[...new TextEncoder().encode(text)].map((b) => b.toString(16).padStart(2, "0")).join("")}`;

/** `{walletAddress, nonce, signature}` for the challenge of `path`. ApiError `wallet_missing`, `wallet_refused`, or the challenge's own. */
export async function signChallenge(path) {
  if (!hasWallet()) throw new ApiError({ code: "wallet_missing", message: "This browser has no wallet. Install one (MetaMask, Rabby …), or open this page inside the wallet’s own browser." });
  const [walletAddress] = (await ask("eth_requestAccounts", [])) || [];
  if (!walletAddress) throw refusal(null);
  const { data } = await post(path, { walletAddress }, { key: null });
  const signature = await ask("personal_sign", [hex(data.message), walletAddress]);
  return { walletAddress, nonce: data.nonce, signature };
}
