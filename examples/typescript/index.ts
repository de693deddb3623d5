/** A gateway, and two servers behind it: one that runs somewhere already, and one whose code is brought with it. */

import * as pulumi from "@pulumi/pulumi";
import * as mcp from "@secure-mcp/pulumi";

const config = new pulumi.Config();
const location = config.require("location");

const gateway = new mcp.Gateway("shared", {
    location,
    apimPublisherEmail: config.require("publisherEmail"),
    consentDays: 7,
});

const notes = new mcp.Server("notes", {
    gateway: gateway.reference,
    path: "notes",
    assignedGroups: [config.require("group")],
    mcpScopes: ["notes:read"],
    scopeDescriptions: { "notes:read": "Read your notes" },
    address: { url: config.require("notesUrl") },
});

const snippets = new mcp.Server("snippets", {
    gateway: gateway.reference,
    path: "snippets",
    location,
    assignedGroups: [config.require("group")],
    // What the code keeps, and how it is told.
    functionApp: { code: "../../function_app", containers: ["snippets"], appSettings: { SNIPPETS_CONTAINER: "snippets" } },
});

export const notesUrl = notes.url;
export const snippetsUrl = snippets.url;
