"""Judgement over mail: can we hand letters over, and will others believe our sender (RFC 7208, RFC 6376, RFC 7489)."""

from collections.abc import Iterator, Sequence

from pwauth_server.rules.dns import Answer
from pwauth_server.rules.findings import Finding, fail, ok, warn

#: Domains that nobody can own (RFC 2606, RFC 6761, RFC 6762).
_NOBODYS = ("localhost", "localdomain", "local", "test", "example", "invalid", "example.com", "example.org", "example.net", "internal")
_WHY = {
    "tls": ("its certificate is not valid for that name", "Correct {name}_host, or let the server have a valid certificate."),
    "no_tls": ("it offers no STARTTLS", 'Use another port, or {name}_tls = "tls".'),
    "login": ("it refuses our log-in", "Correct {name}_username and {name}_password."),
    "refused": ("nothing listens on that port", "Correct {name}_host and {name}_port."),
    "timeout": ("it does not answer in time", "Look at the network and the firewall in between."),
    "unreachable": ("it cannot be reached", "Look at {name}_host, DNS and the network."),
}
_HOW = {"starttls": "over STARTTLS", "tls": "over TLS", "plain": "without TLS, on this machine"}
_UNKNOWN = "DNS gave no answer about {name}."
_ASK_AGAIN = "Run this where DNS works."
_END_IN_ALL = 'Let it end in "-all" or "~all".'


def printed() -> Finding:
    """Judge a server that prints its letters."""
    return warn("smtp", "Letters are printed to the terminal, nobody receives one.", "Set smtp_host.")


def smtp(name: str, host: str, port: int, tls: str, problem: str, *, logs_in: bool) -> Finding:
    """Judge the mail server of such settings; ``problem`` is the word of `adapters.smtp`, empty if it talked to us."""
    place = f"{host}:{port}"
    if not problem:
        if not logs_in:
            return ok(name, "The mail server {place} answers {how}; no user is set to log in.", place=place, how=_HOW[tls])
        return ok(name, "The mail server {place} takes our log-in {how}.", place=place, how=_HOW[tls])
    if problem not in _WHY:
        advice = "Look at the log of that server."
        return fail(name, "The mail server {place} cannot be used: it said {problem}.", advice, place=place, problem=problem)
    why, advice = _WHY[problem]
    return fail(name, "The mail server {place} cannot be used: {why}.", advice, place=place, why=why, name=name)


def is_nobodys(domain: str) -> bool:
    """Tell whether a domain is one that DNS knows nothing of."""
    return any(domain == name or domain.endswith("." + name) for name in _NOBODYS)


def no_domain(domain: str) -> Finding:
    """Judge a sender that is no real one."""
    advice = "Set email_from to an address of yours."
    return warn("sender", "email_from is in {domain}, a domain that nobody can own.", advice, domain=domain)


def spf(domain: str, answer: Answer | None) -> Finding:
    """Judge the SPF record of the sender's domain."""
    if answer is None:
        return warn("spf", _UNKNOWN, _ASK_AGAIN, name=domain)
    records = [text for text in answer.texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if not records:
        advice = 'Add a TXT record "v=spf1 … -all".'
        return warn("spf", "{domain} has no SPF record: letters may be taken for spam.", advice, domain=domain)
    if len(records) > 1:
        written = "{domain} has several SPF records ({number}), so none counts."
        return fail("spf", written, "Join them into one.", domain=domain, number=str(len(records)))
    terms = records[0].lower().split()[1:]
    last = next((term for term in terms if term.lstrip("+-~?") == "all"), "")
    if last in {"all", "+all"}:
        return fail("spf", "The SPF record of {domain} lets everybody send in its name.", _END_IN_ALL, domain=domain)
    if last == "?all" or (not last and not any(term.startswith("redirect=") for term in terms)):
        return warn("spf", "The SPF record of {domain} says nothing about others.", _END_IN_ALL, domain=domain)
    return ok("spf", "{domain} has an SPF record.", domain=domain)


def dkim(domain: str, answer: Answer | None) -> Finding:
    """Judge whether there are DKIM keys: if nothing is below ``_domainkey``, there are none (RFC 8020)."""
    if answer is None:
        return warn("dkim", _UNKNOWN, _ASK_AGAIN, name=f"_domainkey.{domain}")
    if not answer.exists:
        advice = "Let the mail server sign, and publish its key."
        return warn("dkim", "{domain} publishes no DKIM key: letters may be taken for spam.", advice, domain=domain)
    return ok("dkim", "{domain} publishes DKIM keys; a received letter shows whether the mail server signs with them.", domain=domain)


def dmarc_names(domain: str) -> Iterator[str]:
    """Yield where the policy of a domain may stand: at itself, else at a domain above it."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        yield "_dmarc." + ".".join(labels[start:])


def dmarc(domain: str, answers: Sequence[Answer | None]) -> Finding:
    """Judge the answers at the names of `dmarc_names`, in that order."""
    for answer in answers:
        if answer is None:
            return warn("dmarc", _UNKNOWN, _ASK_AGAIN, name=f"_dmarc.{domain}")
        records = [text for text in answer.texts if text.replace(" ", "").lower().startswith("v=dmarc1")]
        if records:
            return _policy(domain, records[0])
    advice = 'Add a TXT record "v=DMARC1; p=quarantine" at _dmarc.{domain}.'
    return warn("dmarc", "{domain} has no DMARC policy.", advice, domain=domain)


def _policy(domain: str, record: str) -> Finding:
    tags = dict(part.strip().partition("=")[::2] for part in record.lower().split(";") if "=" in part)
    policy = tags.get("p", "").strip()
    if policy in {"quarantine", "reject"}:
        return ok("dmarc", "The DMARC policy of {domain} is {policy}.", domain=domain, policy=policy)
    written, advice = "The DMARC policy of {domain} stops nobody (p={policy}).", "Make it p=quarantine once reports look well."
    return warn("dmarc", written, advice, domain=domain, policy=policy or "?")
