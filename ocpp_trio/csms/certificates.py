"""Who a client certificate is for (security profile 3).

Owns the comparison of names; that a trusted CA signed the certificate is what TLS has seen to.
"""

from collections.abc import Mapping

from ocpp_trio.csms.authentication import Acceptance, Credentials, Refusal
from ocpp_trio.wire.shape import quote


class CertificateNames:
    """An authenticator for security profile 3: the common name of the certificate says whose it is.

    Without `names` it has to be the identity itself. The security profile puts the station's serial number
    there: `names` maps each identity to it, and then nobody else is known. The mapping is read at every attempt and
    not copied. `organization`, if given, has to be the O of the subject. A peer without a certificate is
    refused with 401, one with somebody else's with 403.
    """

    def __init__(self, names: Mapping[str, str] | None = None, *, organization: str | None = None) -> None:
        self._names = names
        self._organization = organization

    async def __call__(self, credentials: Credentials) -> Acceptance | Refusal:
        """Accept whoever shows the certificate of its identity."""
        certificate = credentials.certificate
        if certificate is None:
            return Refusal(401, "expected a client certificate", nothing_shown=True)
        expected = credentials.identity if self._names is None else self._names.get(credentials.identity)
        if expected is None or certificate.common_name != expected:
            whose = "expected a certificate whose common name is this charge point's"
            return Refusal(403, f"{whose}, found {quote(certificate.common_name)}")
        if self._organization is not None and certificate.organization != self._organization:
            found = quote(certificate.organization)
            return Refusal(403, f"expected a certificate of another organization, found one of {found}")
        return Acceptance(authenticated=True, profile=3)
