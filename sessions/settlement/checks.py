"""What must be right before money moves on a chain: settings that name the contract, and a fee that it takes."""

from django.conf import settings
from django.core.checks import Error, Tags, register

_NEEDED = ("EVM_RPC_URL", "EVM_ESCROW_ADDRESS", "EVM_TOKEN_ADDRESS", "EVM_RELAYER_ADDRESS")
MAX_FEE_BPS = 3000


@register()
def settlement_is_configured(app_configs, **kwargs):
    """A provider that exists; for `evm`, its addresses and a key or a signer."""
    from sessions.settlement.provider import PROVIDERS

    name = settings.SETTLEMENT_PROVIDER
    if name not in PROVIDERS:
        return [Error(f"SETTLEMENT_PROVIDER is {name}; it must be one of {', '.join(PROVIDERS)}.", id="live_sessions.E001")]
    if name != "evm":
        return []
    missing = [setting for setting in _NEEDED if not getattr(settings, setting)]
    if not settings.EVM_RELAYER_KEY and not settings.EVM_SIGNER_URL:
        missing.append("EVM_RELAYER_KEY or EVM_SIGNER_URL")
    return [Error(f"Settlement on a chain needs {', '.join(missing)}.", id="live_sessions.E002")] if missing else []


@register(Tags.database)
def fee_is_what_the_contract_takes(app_configs, databases=None, **kwargs):
    """The contract refuses a fee above 30 %."""
    from django.db import DatabaseError

    from sessions.pricing import selectors

    if settings.SETTLEMENT_PROVIDER != "evm" or not databases:
        return []
    try:
        fee = selectors.policy().fee_bps
    except DatabaseError:
        return []
    if fee <= MAX_FEE_BPS:
        return []
    return [Error(f"feeBps is {fee}; the contract takes at most {MAX_FEE_BPS}.", id="live_sessions.E003")]
