using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography.X509Certificates;
using Apim;
using Newtonsoft.Json.Linq;

namespace Oracle
{
    /// <summary>
    /// Reads contexts from JSON, the form of <c>secure-mcp expression --sample</c>. What the form does not have, such
    /// as the dates of a subscription, is as the local cloud has it.
    /// </summary>
    public static class ContextFile
    {
        public static Context Read(JObject file)
        {
            var api = ReadApi((JObject)file["api"]);
            var context = new Context
            {
                Api = api,
                Deployment = ReadDeployment((JObject)file["deployment"]),
                Elapsed = TimeSpan.FromMilliseconds((double)file["elapsedMs"]),
                LastError = ReadLastError(file["lastError"] as JObject),
                Operation = ReadOperation((JObject)file["operation"]),
                Product = ReadProduct(file["product"] as JObject, api),
                Request = ReadRequest((JObject)file["request"]),
                RequestId = Guid.Parse((string)file["requestId"]),
                Response = ReadResponse((JObject)file["response"]),
                Subscription = ReadSubscription(file["subscription"] as JObject),
                Timestamp = Moment(file["timestamp"]),
                Tracing = (bool)file["tracing"],
                User = ReadUser(file["user"] as JObject),
            };
            foreach (var variable in ((JObject)file["variables"]).Properties())
            {
                context.Values[variable.Name] = ReadVariable((JObject)variable.Value);
            }
            return context;
        }

        private static Request ReadRequest(JObject file)
        {
            return new Request
            {
                Body = ReadBody(file["body"]),
                Headers = ReadHeaders(file["headers"]),
                IpAddress = (string)file["ipAddress"],
                MatchedParameters = ((JObject)file["matchedParameters"]).Properties()
                    .ToDictionary(parameter => parameter.Name, parameter => (string)parameter.Value),
                Method = (string)file["method"],
                OriginalUrl = Url.Parse((string)file["originalUrl"]),
                Url = Url.Parse((string)file["url"]),
            };
        }

        private static Response ReadResponse(JObject file)
        {
            return new Response
            {
                Body = ReadBody(file["body"]),
                Headers = ReadHeaders(file["headers"]),
                StatusCode = (int)file["statusCode"],
                StatusReason = (string)file["statusReason"],
            };
        }

        private static Body ReadBody(JToken text)
        {
            return (string)text == null ? null : new Body((string)text);
        }

        private static Dictionary<string, string[]> ReadHeaders(JToken headers)
        {
            var found = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase);
            foreach (var header in ((JObject)headers).Properties())
            {
                found[header.Name] = Texts(header.Value).ToArray();
            }
            return found;
        }

        private static Api ReadApi(JObject file)
        {
            return new Api
            {
                Id = (string)file["id"],
                IsCurrentRevision = (bool)file["isCurrentRevision"],
                Name = (string)file["name"],
                Path = (string)file["path"],
                Protocols = Texts(file["protocols"]).ToList(),
                Revision = (string)file["revision"],
                ServiceUrl = Url.Parse((string)file["serviceUrl"]),
                SubscriptionKeyParameterNames = new SubscriptionKeyParameterNames
                {
                    Header = "Ocp-Apim-Subscription-Key",
                    Query = "subscription-key",
                },
                Version = (string)file["version"],
            };
        }

        private static Operation ReadOperation(JObject file)
        {
            return new Operation
            {
                Id = (string)file["id"],
                Method = (string)file["method"],
                Name = (string)file["name"],
                UrlTemplate = (string)file["urlTemplate"],
            };
        }

        private static Deployment ReadDeployment(JObject file)
        {
            return new Deployment
            {
                Certificates = new Dictionary<string, X509Certificate2>(),
                Gateway = new Gateway { Id = (string)file["gatewayId"], InstanceId = "i1", IsManaged = true },
                GatewayId = (string)file["gatewayId"],
                Region = (string)file["region"],
                ServiceId = (string)file["serviceId"],
                ServiceName = (string)file["serviceName"],
            };
        }

        private static LastError ReadLastError(JObject file)
        {
            return file == null ? null : new LastError
            {
                Message = (string)file["message"],
                Path = (string)file["path"],
                PolicyId = (string)file["policyId"],
                Reason = (string)file["reason"],
                Scope = (string)file["scope"],
                Section = (string)file["section"],
                Source = (string)file["source"],
            };
        }

        private static Product ReadProduct(JObject file, Api api)
        {
            return file == null ? null : new Product
            {
                Apis = new IApi[] { api },
                ApprovalRequired = false,
                Groups = new IGroup[] { new Group { Id = "developers", Name = "Developers" } },
                Id = (string)file["id"],
                Name = (string)file["name"],
                State = ProductState.Published,
                SubscriptionLimit = (int?)file["subscriptionLimit"],
                SubscriptionRequired = true,
            };
        }

        private static Subscription ReadSubscription(JObject file)
        {
            return file == null ? null : new Subscription
            {
                CreatedDate = new DateTime(2024, 2, 29, 12, 0, 0, DateTimeKind.Utc),
                EndDate = null,
                Id = (string)file["id"],
                Key = (string)file["key"],
                Name = (string)file["name"],
                PrimaryKey = (string)file["key"],
                SecondaryKey = (string)file["secondaryKey"],
                StartDate = new DateTime(2024, 3, 1, 0, 0, 0, DateTimeKind.Utc),
            };
        }

        private static User ReadUser(JObject file)
        {
            return file == null ? null : new User
            {
                Email = (string)file["email"],
                FirstName = (string)file["firstName"],
                Groups = file["groups"].Select(ReadGroup).ToList(),
                Id = (string)file["id"],
                Identities = file["identities"].Select(ReadIdentity).ToList(),
                LastName = (string)file["lastName"],
                Note = (string)file["note"],
                RegistrationDate = new DateTime(2023, 12, 31, 23, 59, 59, DateTimeKind.Utc),
            };
        }

        private static IGroup ReadGroup(JToken file)
        {
            return new Group { Id = (string)file["id"], Name = (string)file["name"] };
        }

        private static IUserIdentity ReadIdentity(JToken file)
        {
            return new UserIdentity { Id = (string)file["id"], Provider = (string)file["provider"] };
        }

        private static object ReadVariable(JObject file)
        {
            var type = (string)file["type"];
            var value = file["value"];
            switch (type)
            {
                case "string":
                    return (string)value;
                case "int":
                    return (int)value;
                case "long":
                    return (long)value;
                case "double":
                    return (double)value;
                case "bool":
                    return (bool)value;
                case "null":
                    return null;
                case "bytes":
                    return Convert.FromBase64String((string)value);
                case "JObject":
                    return JObject.Parse((string)value);
                case "JArray":
                    return JArray.Parse((string)value);
                case "string[]":
                    return Texts(value).ToArray();
                case "Guid":
                    return Guid.Parse((string)value);
                case "DateTime":
                    return Moment(value);
                case "IResponse":
                    return ReadResponse((JObject)value);
                case "Jwt":
                    return Jwt.Parse((string)value);
                default:
                    throw new ArgumentException($"a variable cannot have the type '{type}'");
            }
        }

        private static IEnumerable<string> Texts(JToken values) => values.Select(value => (string)value);

        private static DateTime Moment(JToken text)
        {
            var moment = DateTime.ParseExact((string)text, "yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
            return DateTime.SpecifyKind(moment, DateTimeKind.Utc);
        }
    }
}
