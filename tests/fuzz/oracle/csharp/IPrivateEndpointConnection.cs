namespace Apim
{
    public interface IPrivateEndpointConnection
    {
        string GroupId { get; }
        string MemberName { get; }
        string Name { get; }
    }
}
