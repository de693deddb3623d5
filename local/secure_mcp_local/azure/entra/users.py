"""The people who can sign in locally."""

from dataclasses import dataclass, field


@dataclass
class User:
    """Somebody with an account in the local tenant."""

    id: str
    """What the sign-in form sends, such as `alice`."""
    name: str
    oid: str
    """Object id."""
    employee: bool = True
    """Whether the groups that a stack assigns to an application have this user as a member."""
    enabled: bool = True
    sessions_valid_from: float = 0.0
    """Seconds since the Unix epoch; sign-ins before it have been revoked."""
    consented: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Client ids and the scopes that the user has agreed to."""

    @property
    def user_principal_name(self) -> str:
        """Sign-in name."""
        return f"{self.id}@contoso.example"


def default_users() -> list[User]:
    """Alice and Bob belong to whatever group a stack assigns; Mallory belongs to none."""
    return [
        User("alice", "Alice Adams", "a11ce000-0000-4000-8000-000000000001"),
        User("bob", "Bob Brown", "b0b00000-0000-4000-8000-000000000002"),
        User("mallory", "Mallory Moss", "bad00000-0000-4000-8000-000000000003", employee=False),
    ]
