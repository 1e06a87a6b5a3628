/// stub
public final class TapeWorkspacePool: Sendable {
    /// stub
    public init() {}
}
