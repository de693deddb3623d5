using System;
using System.Security.Cryptography;

namespace Apim
{
    public static class CipherExtensions
    {
        public static byte[] Encrypt(this byte[] input, string alg, byte[] key, byte[] iv)
        {
            using (var cipher = Named(alg))
            {
                return cipher.CreateEncryptor(key, iv).TransformFinalBlock(input, 0, input.Length);
            }
        }

        public static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg)
        {
            return alg.CreateEncryptor().TransformFinalBlock(input, 0, input.Length);
        }

        public static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv)
        {
            return alg.CreateEncryptor(key, iv).TransformFinalBlock(input, 0, input.Length);
        }

        public static byte[] Decrypt(this byte[] input, string alg, byte[] key, byte[] iv)
        {
            using (var cipher = Named(alg))
            {
                return cipher.CreateDecryptor(key, iv).TransformFinalBlock(input, 0, input.Length);
            }
        }

        public static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg)
        {
            return alg.CreateDecryptor().TransformFinalBlock(input, 0, input.Length);
        }

        public static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv)
        {
            return alg.CreateDecryptor(key, iv).TransformFinalBlock(input, 0, input.Length);
        }

        private static SymmetricAlgorithm Named(string name)
        {
            switch (name.ToLowerInvariant())
            {
                case "aes":
                case "rijndael":
                    return Aes.Create();
                case "des":
                    return DES.Create();
                case "3des":
                case "tripledes":
                    return TripleDES.Create();
                case "rc2":
                    return RC2.Create();
                default:
                    throw new ArgumentException("alg");
            }
        }
    }
}
