using System.Security.Cryptography.X509Certificates;

namespace Apim
{
    public static class CredentialExtensions
    {
        public static BasicAuthCredentials AsBasic(this string input) => BasicAuthCredentials.Parse(input);

        public static bool TryParseBasic(this string input, out BasicAuthCredentials result)
        {
            result = BasicAuthCredentials.Parse(input);
            return result != null;
        }

        public static Jwt AsJwt(this string input) => Jwt.Parse(input);

        public static bool TryParseJwt(this string input, out Jwt result)
        {
            result = Jwt.Parse(input);
            return result != null;
        }

        /// <summary>No certificate is trusted here.</summary>
        public static bool VerifyNoRevocation(this X509Certificate2 input) => false;
    }
}
