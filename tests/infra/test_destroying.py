"""What must outlive a mistake, and what goes when a stack is destroyed."""

from actors.wiring import LOCK, Declared, before
from secure_mcp_local.recording import Recording


def test_C4_locks_hold_what_cannot_be_made_again_and_go_first(declared: Declared) -> None:
    assert not declared("dev").all(LOCK)
    recording = declared("prod")
    locked = [recording.by_id(lock.inputs["scope"]) for lock in recording.all(LOCK)]
    assert {resource.type for resource in locked if resource} == {
        "azure-native:cosmosdb:DatabaseAccount",
        "azure-native:keyvault:Vault",
        "azure-native:storage:StorageAccount",
    }
    for lock in recording.all(LOCK):
        below = [r for r in recording if r.custom and r.id.startswith(lock.inputs["scope"] + "/") and r is not lock]
        ends = [
            r
            for r in recording.all("azure-native:network:PrivateEndpoint")
            if r.inputs["privateLinkServiceConnections"][0]["privateLinkServiceId"] == lock.inputs["scope"]
        ]
        names = [
            r
            for r in recording.all("azure-native:network:PrivateDnsZoneGroup")
            if any(r.id.startswith(e.id) for e in ends)
        ]
        wanted = {r.urn for r in (*below, *ends, *names)}
        assert wanted <= before(recording, lock), "else it would be in the way of deleting them"


def test_C_what_lies_in_the_group_goes_with_it(anything: Recording) -> None:
    group = anything.one("azure-native:resources:ResourceGroup")
    for resource in anything:
        if not resource.custom or resource is group:
            continue
        # Locks would keep the group; a role on what another component has made may lie anywhere.
        alone = not resource.id.startswith(group.id + "/") or resource.type == LOCK
        alone |= resource.name in {"mcp-metrics-role"}
        assert resource.deleted_with == ("" if alone else group.urn), resource.name


def test_C_what_goes_with_a_group_is_not_asked_for_in_a_group_of_others(declared: Declared) -> None:
    """A component hands the option to its resources only, not to itself: Pulumi would hand it on to the locks."""
    for resource in declared("prod"):
        if not resource.custom:
            assert not resource.deleted_with, resource.urn


def test_C1_secrets_are_never_deleted_through_the_vault(anything: Recording) -> None:
    for secret in anything.all("azure-native:keyvault:Secret"):
        assert secret.retained


def test_C5_another_region_brings_other_names(anything: Recording) -> None:
    suffix = anything.one("random:index/randomString:RandomString", "mcp-suffix")
    assert suffix.inputs["keepers"] == {
        "location": anything.one("azure-native:resources:ResourceGroup").inputs["location"]
    }
