using System;
using System.Text;

namespace Apim
{
    public class BasicAuthCredentials
    {
        private const string Scheme = "Basic ";

        public string Password { get; set; }
        public string UserId { get; set; }
        public string Username => UserId;

        /// <summary>The credentials of a header; null if it holds none.</summary>
        public static BasicAuthCredentials Parse(string header)
        {
            if (string.IsNullOrWhiteSpace(header) || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            {
                return null;
            }
            try
            {
                var encoded = header.Substring(Scheme.Length).Trim();
                var text = Encoding.UTF8.GetString(Convert.FromBase64String(encoded));
                var colon = text.IndexOf(':');
                return colon < 0 ? null : new BasicAuthCredentials
                {
                    Password = text.Substring(colon + 1),
                    UserId = text.Substring(0, colon),
                };
            }
            catch (FormatException)
            {
                return null;
            }
        }
    }
}
