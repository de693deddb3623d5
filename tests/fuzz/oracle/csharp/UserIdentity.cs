namespace Apim
{
    public interface IUserIdentity
    {
        string Id { get; }
        string Provider { get; }
    }

    public class UserIdentity : IUserIdentity
    {
        public string Id { get; set; }
        public string Provider { get; set; }
    }
}
