"""Whose a client certificate is."""

import pytest

from ocpp_trio import Acceptance, CertificateNames
from tests.csms.shown import certificate, detail_of, shown, status_of

PROFILE_3 = Acceptance(authenticated=True, profile=3)


async def test_the_common_name_is_the_identity():
    door = CertificateNames()

    assert await door(shown(certificate=certificate("CP-1"))) == PROFILE_3
    for other in ("CP-2", "cp-1", "CP-1 ", "", None):
        assert status_of(await door(shown(certificate=certificate(other)))) == 403


async def test_whose_certificate_was_shown_is_said():
    refused = await CertificateNames()(shown(certificate=certificate("CP-2")))
    alien = await CertificateNames(organization="Operator")(shown(certificate=certificate("CP-1", "Other")))

    assert detail_of(refused) == "expected a certificate whose common name is this charge point's, found 'CP-2'"
    assert detail_of(alien) == "expected a certificate of another organization, found one of 'Other'"


async def test_or_what_the_identity_is_mapped_to():
    names = {"CP-1": "SN-1"}
    door = CertificateNames(names)

    assert await door(shown(certificate=certificate("SN-1"))) == PROFILE_3
    assert status_of(await door(shown(certificate=certificate("CP-1")))) == 403
    assert status_of(await door(shown("CP-2", certificate=certificate("CP-2")))) == 403, "nobody else is known"

    names["CP-2"] = "SN-2"
    assert await door(shown("CP-2", certificate=certificate("SN-2"))) == PROFILE_3


async def test_an_identity_that_is_mapped_to_nothing_needs_more_than_a_certificate_without_a_name():
    assert status_of(await CertificateNames({})(shown(certificate=certificate(None)))) == 403


@pytest.mark.parametrize(
    ("organization", "status"), [("Operator", None), ("operator", 403), ("Other", 403), (None, 403)]
)
async def test_the_organization_counts_if_it_is_given(organization, status):
    door = CertificateNames(organization="Operator")

    verdict = await door(shown(certificate=certificate("CP-1", organization)))

    assert status_of(verdict) == status


async def test_without_a_certificate_there_is_nothing_to_compare():
    assert status_of(await CertificateNames()(shown(password=b"secret", tls=True))) == 401
