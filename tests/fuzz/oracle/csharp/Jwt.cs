using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Apim
{
    public class Jwt
    {
        private const string Scheme = "Bearer ";

        public string Algorithm { get; set; }
        public IEnumerable<string> Audiences { get; set; }
        public IReadOnlyDictionary<string, string[]> Claims { get; set; }
        public DateTime? ExpirationTime { get; set; }
        public string Id { get; set; }
        public DateTime? IssuedAt { get; set; }
        public string Issuer { get; set; }
        public DateTime? NotBefore { get; set; }
        public string Subject { get; set; }
        public string Type { get; set; }

        /// <summary>A token or a header with one, not verified; null if it is none.</summary>
        public static Jwt Parse(string text)
        {
            if (string.IsNullOrWhiteSpace(text))
            {
                return null;
            }
            if (text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            {
                text = text.Substring(Scheme.Length);
            }
            var parts = text.Trim().Split('.');
            if (parts.Length != 3)
            {
                return null;
            }
            try
            {
                return Read(JObject.Parse(Decoded(parts[0])), Claim.Object(Decoded(parts[1])));
            }
            catch (Exception)
            {
                return null;
            }
        }

        private static Jwt Read(JObject header, JObject body)
        {
            var claims = body.Properties().ToDictionary(claim => claim.Name, claim => Claim.Texts(claim.Value));
            return new Jwt
            {
                Algorithm = (string)header["alg"],
                Audiences = claims.ContainsKey("aud") ? claims["aud"] : new string[0],
                Claims = claims,
                ExpirationTime = Claim.Moment(body["exp"]),
                Id = (string)body["jti"],
                IssuedAt = Claim.Moment(body["iat"]),
                Issuer = (string)body["iss"],
                NotBefore = Claim.Moment(body["nbf"]),
                Subject = (string)body["sub"],
                Type = (string)header["typ"],
            };
        }

        private static string Decoded(string part)
        {
            var text = part.Replace('-', '+').Replace('_', '/');
            var padded = text.PadRight((text.Length + 3) / 4 * 4, '=');
            return Encoding.UTF8.GetString(Convert.FromBase64String(padded));
        }

        /// <summary>Claims as the gateway hands them out: texts, and arrays of texts.</summary>
        private static class Claim
        {
            private static readonly DateTime Epoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

            public static JObject Object(string json)
            {
                var settings = new JsonSerializerSettings { DateParseHandling = DateParseHandling.None };
                return (JObject)JsonConvert.DeserializeObject(json, settings);
            }

            public static string[] Texts(JToken value)
            {
                return value is JArray items ? items.Select(Text).ToArray() : new[] { Text(value) };
            }

            public static DateTime? Moment(JToken seconds)
            {
                return seconds == null ? (DateTime?)null : Epoch.AddSeconds((double)seconds);
            }

            private static string Text(JToken value)
            {
                return value.Type == JTokenType.String ? (string)value : value.ToString(Formatting.None);
            }
        }
    }
}
