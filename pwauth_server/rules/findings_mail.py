"""Judgement over mail: can we hand letters over, and will others believe our sender (RFC 7208, RFC 6376, RFC 7489)."""

from collections.abc import Iterator, Sequence

from pwauth_server.rules.dns import Answer
from pwauth_server.rules.findings import Finding, fail, ok, warn

#: Domains that nobody can own (RFC 2606, RFC 6761, RFC 6762).
_NOBODYS = ("localhost", "localdomain", "local", "test", "example", "invalid", "example.com", "example.org", "example.net", "internal")
_WHY = {
    "tls": ("its certificate is not valid for that name", "Correct smtp_host, or let the server have a valid certificate."),
    "no_tls": ("it offers no STARTTLS", 'Use another port, or smtp_tls = "tls".'),
    "login": ("it refuses our log-in", "Correct smtp_username and smtp_password."),
    "refused": ("nothing listens on that port", "Correct smtp_host and smtp_port."),
    "timeout": ("it does not answer in time", "Look at the network and the firewall in between."),
    "unreachable": ("it cannot be reached", "Look at smtp_host, DNS and the network."),
}
_UNKNOWN = "DNS gave no answer about {name}."
_ASK_AGAIN = "Run this where DNS works."


def smtp(host: str, port: int, tls: str, problem: str) -> Finding:
    """Judge a log-in at the mail server; ``problem`` is the word of `adapters.smtp`, empty if it worked."""
    place = f"{host}:{port}"
    if not host:
        return warn("smtp", "Letters are printed to the terminal, nobody receives one.", "Set smtp_host.")
    if problem:
        why, remedy = _WHY.get(problem, (f"it said {problem}", "Look at the log of that server."))
        return fail("smtp", f"The mail server {place} cannot be used: {why}.", remedy)
    how = {"starttls": "over STARTTLS", "tls": "over TLS", "plain": "without TLS, on this machine"}[tls]
    return ok("smtp", f"The mail server {place} takes our log-in {how}.")


def is_nobodys(domain: str) -> bool:
    """Tell whether a domain is one that DNS knows nothing of."""
    return any(domain == name or domain.endswith("." + name) for name in _NOBODYS)


def no_domain(domain: str) -> Finding:
    """Judge a sender that is no real one."""
    return warn("sender", f"email_from is in {domain}, a domain that nobody can own.", "Set email_from to an address of yours.")


def spf(domain: str, answer: Answer | None) -> Finding:
    """Judge the SPF record of the sender's domain."""
    if answer is None:
        return warn("spf", _UNKNOWN.format(name=domain), _ASK_AGAIN)
    records = [text for text in answer.texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if not records:
        return warn("spf", f"{domain} has no SPF record: letters may be taken for spam.", 'Add a TXT record "v=spf1 … -all".')
    if len(records) > 1:
        return fail("spf", f"{domain} has {len(records)} SPF records, so none counts.", "Join them into one.")
    terms = records[0].lower().split()[1:]
    last = next((term for term in terms if term.lstrip("+-~?") == "all"), "")
    if last in {"all", "+all"}:
        return fail("spf", f"The SPF record of {domain} lets everybody send in its name.", 'Let it end in "-all" or "~all".')
    if last == "?all" or (not last and not any(term.startswith("redirect=") for term in terms)):
        return warn("spf", f"The SPF record of {domain} says nothing about others.", 'Let it end in "-all" or "~all".')
    return ok("spf", f"{domain} has an SPF record.")


def dkim(domain: str, answer: Answer | None) -> Finding:
    """Judge whether there are DKIM keys: if nothing is below ``_domainkey``, there are none (RFC 8020)."""
    name = f"_domainkey.{domain}"
    if answer is None:
        return warn("dkim", _UNKNOWN.format(name=name), _ASK_AGAIN)
    if not answer.exists:
        words = f"{domain} publishes no DKIM key: letters may be taken for spam."
        return warn("dkim", words, "Let the mail server sign, and publish its key.")
    return ok("dkim", f"{domain} publishes DKIM keys; a received letter shows whether the mail server signs with them.")


def dmarc_names(domain: str) -> Iterator[str]:
    """Yield where the policy of a domain may stand: at itself, else at a domain above it."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        yield "_dmarc." + ".".join(labels[start:])


def dmarc(domain: str, answers: Sequence[Answer | None]) -> Finding:
    """Judge the answers at the names of `dmarc_names`, in that order."""
    for answer in answers:
        if answer is None:
            return warn("dmarc", _UNKNOWN.format(name=f"_dmarc.{domain}"), _ASK_AGAIN)
        records = [text for text in answer.texts if text.replace(" ", "").lower().startswith("v=dmarc1")]
        if records:
            return _policy(domain, records[0])
    return warn("dmarc", f"{domain} has no DMARC policy.", f'Add a TXT record "v=DMARC1; p=quarantine" at _dmarc.{domain}.')


def _policy(domain: str, record: str) -> Finding:
    tags = dict(part.strip().partition("=")[::2] for part in record.lower().split(";") if "=" in part)
    policy = tags.get("p", "").strip()
    if policy in {"quarantine", "reject"}:
        return ok("dmarc", f"The DMARC policy of {domain} is {policy}.")
    words = f"The DMARC policy of {domain} stops nobody (p={policy or 'missing'})."
    return warn("dmarc", words, "Make it p=quarantine once reports look well.")
