// A device's own key: secp256k1, made on this device, kept in its IndexedDB, never sent; only its address is registered.

import { secp256k1 } from "../../vendor/noble-curves/secp256k1.js";
import { keccak_256 } from "../../vendor/noble-hashes/sha3.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "../../vendor/noble-hashes/utils.js";
import { get, post } from "../api.js";
import { canonical } from "./canonical.js";

const DATABASE = "tallyroom-keys";
const STORE = "operators";

function database() {
  return new Promise((done, fail) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}

async function stored(mode, act) {
  const db = await database();
  try {
    return await new Promise((done, fail) => {
      const transaction = db.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = transaction.onerror = () => fail(transaction.error);
    });
  } finally {
    db.close();
  }
}

/** EIP-55: the address with its checksum in the case of its letters. */
export function addressOf(secret) {
  const hex = bytesToHex(keccak_256(secp256k1.getPublicKey(secret, false).slice(1)).slice(-20));
  const sum = bytesToHex(keccak_256(utf8ToBytes(hex)));
  return `0x${[...hex].map((c, i) => (parseInt(sum[i], 16) >= 8 ? c.toUpperCase() : c)).join("")}`;
}

/** EIP-191 `personal_sign` of a text: 0x, 64 bytes of r and s (low), v 27 or 28. */
export function signText(secret, text) {
  const body = utf8ToBytes(text);
  const digest = keccak_256(concatBytes(utf8ToBytes(`\x19Ethereum Signed Message:\n${body.length}`), body));
  const signed = secp256k1.sign(digest, secret, { prehash: false, format: "recovered" });
  return `0x${bytesToHex(signed.slice(1))}${(27 + signed[0]).toString(16)}`;
}

/** Signs what is said, as its one canonical text. */
export const signValue = (secret, value) => signText(secret, canonical(value));

/** The key of this device for an operator: `{address, sign(value)}`. Made and registered when there is none that still counts. */
export async function keyFor(operatorId, nowMs = Date.now) {
  let secret = await stored("readonly", (s) => s.get(operatorId));
  const { data: keys } = await get(`/device-operators/${operatorId}/keys`);
  const counts = (s) => keys.some((k) => k.address === addressOf(s) && !k.revokedAt);
  if (!secret || !counts(secret)) {
    secret = secp256k1.utils.randomSecretKey();
    const address = addressOf(secret);
    const issuedAt = new Date(nowMs()).toISOString();
    await post(`/device-operators/${operatorId}/keys`, { address, issuedAt, proof: signValue(secret, { address, issuedAt, operatorId, purpose: "operator-key" }) });
    await stored("readwrite", (s) => s.put(secret, operatorId));
  }
  return { address: addressOf(secret), sign: (value) => signValue(secret, value) };
}
