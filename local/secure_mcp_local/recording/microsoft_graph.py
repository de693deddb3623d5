"""Microsoft Graph as every tenant has it: its application, and some of the delegated permissions that it offers."""

CLIENT_ID = "00000003-0000-0000-c000-000000000000"
"""Client id, whose permissions `openid`, `profile`, `email` and `offline_access` are, too."""

OPENID = {
    "openid": "37f7f235-527c-4136-accd-4a02d197296e",
    "profile": "14dad69e-099b-42c9-810b-d002981feec1",
    "email": "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
    "offline_access": "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
}
"""Permissions of OpenID Connect: ids by names."""

PERMISSIONS = {
    "Calendars.Read": "465a38f9-76ea-45b9-9f34-9e8b0d4b0b42",
    "Calendars.ReadWrite": "1ec239c2-d7c9-4623-a91a-a9775856bb36",
    "Contacts.Read": "ff74d97f-43af-4b68-9f2a-b77ee6968c5d",
    "Directory.Read.All": "06da0dbc-49e2-44d2-8312-53f166ab848a",
    "Files.Read": "10465720-29dd-4523-a11a-6a75c743c9d9",
    "Files.Read.All": "df85f4d6-205c-4ac5-a5ea-6bf408dba283",
    "Group.Read.All": "5f8c59db-677d-491f-a6b8-5f174b11ec1d",
    "GroupMember.Read.All": "bc024368-1153-4739-b217-4326f2e952d0",
    "Mail.Read": "570282fd-fa5c-430d-a7fd-fc8dc98a9dca",
    "Mail.ReadWrite": "024d486e-b451-40bb-833d-3e66d98c5c73",
    "Mail.Send": "e383f46e-2787-4529-855e-0e479a3ffac0",
    "People.Read": "ba47897c-39ec-4d83-8086-ee8256fa737d",
    "Sites.Read.All": "205e70e5-aba6-4c52-a976-6d2d46c48043",
    "Tasks.Read": "f45671fb-e0fe-4b4b-be20-3d3ce43f1bcb",
    "User.Read": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
    "User.Read.All": "a154be20-db9c-4678-8ab7-66f6cc099a59",
    "User.ReadBasic.All": "b340eb25-3456-403f-be2f-af7a0d370277",
}
"""Delegated permissions that applications ask for most: ids by names. https://learn.microsoft.com/graph/permissions-reference"""
