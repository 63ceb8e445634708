"""The Local Auth List Management profile."""

from ocpp_trio import v16
from ocpp_trio.v16 import local_auth_list_management
from ocpp_trio.wire.codec import codec_of

codec = codec_of(v16.version)


def test_only_the_central_system_asks() -> None:
    assert not local_auth_list_management.CHARGE_POINT_REQUESTS
    assert (v16.GetLocalListVersionRequest, v16.SendLocalListRequest) == local_auth_list_management.CSMS_REQUESTS


def test_an_entry_without_info_is_one_to_remove() -> None:
    request = v16.SendLocalListRequest(
        list_version=8,
        update_type=v16.UpdateType.DIFFERENTIAL,
        local_authorization_list=(
            v16.AuthorizationData(
                id_tag="NEW", id_tag_info=v16.IdTagInfo(status=v16.AuthorizationStatus.ACCEPTED, parent_id_tag="G")
            ),
            v16.AuthorizationData(id_tag="OLD"),
        ),
    )

    assert codec.encode(request) == (
        b'{"listVersion":8,"localAuthorizationList":[{"idTag":"NEW","idTagInfo":{"status":"Accepted",'
        b'"parentIdTag":"G"}},{"idTag":"OLD"}],"updateType":"Differential"}'
    )


def test_a_full_update_may_empty_the_list() -> None:
    without = v16.SendLocalListRequest(list_version=1, update_type=v16.UpdateType.FULL)
    empty = v16.SendLocalListRequest(list_version=1, update_type=v16.UpdateType.FULL, local_authorization_list=())

    assert codec.encode(without) == b'{"listVersion":1,"updateType":"Full"}'
    assert codec.encode(empty) == b'{"listVersion":1,"localAuthorizationList":[],"updateType":"Full"}'


def test_the_versions_that_mean_none_are_versions() -> None:
    assert codec.decode(v16.GetLocalListVersionResponse, b'{"listVersion":-1}').list_version == -1
