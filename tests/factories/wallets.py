"""Wallets with real keys, and what they sign."""

from eth_account import Account
from eth_account.messages import encode_defunct


class SigningWallet:
    """`address` is EIP-55; `sign(text)` is what a browser wallet's personal_sign answers, 0x and 130 hex digits."""

    def __init__(self):
        self.account = Account.create()
        self.address = self.account.address

    def sign(self, text: str) -> str:
        return "0x" + bytes(self.account.sign_message(encode_defunct(text=text)).signature).hex()

    def proof(self, client, path: str) -> dict:
        """The fields of a body that proves this wallet by a fresh challenge of `path`."""
        challenge = client.post(path, {"walletAddress": self.address}).json()["data"]
        return {"walletAddress": self.address, "nonce": challenge["nonce"], "signature": self.sign(challenge["message"])}

    def sign_in(self, client, **body):
        return client.post("/auth/wallet/login", {**self.proof(client, "/auth/wallet/challenge"), **body})
