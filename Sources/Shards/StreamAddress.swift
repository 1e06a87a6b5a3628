/// A tar that is no file: what a web address or a command gives.
///
/// Written `https://host/path.tar`, `http://…` or `pipe:COMMAND`; paths of files, which are absolute where they are kept,
/// are never taken for one.
public enum StreamAddress: Hashable, Sendable {
    /// A web address.
    case web(String)
    /// A command for `/bin/sh`. Only a user may name one, on the command line or in a pipeline file.
    case command(String)

    /// Reads what a user wrote; `nil` if it is something else.
    public init?(source: String) {
        let lower = source.prefix(8).lowercased()
        if lower.hasPrefix("https://") || lower.hasPrefix("http://") {
            self = .web(source)
        } else if source.hasPrefix("pipe:"), source.utf8.count > 5 {
            self = .command(String(source.dropFirst(5)))
        } else {
            return nil
        }
    }

    /// As a user writes it.
    public var text: String {
        switch self {
        case .web(let address): address
        case .command(let command): "pipe:" + command
        }
    }

    /// The name of its shard: without what follows `?` or `#` in a web address, where passwords may be.
    public var shardName: String {
        switch self {
        case .web(let address):
            String(address.prefix { $0 != "?" && $0 != "#" }.drop { $0 != "/" }.drop { $0 == "/" })
        case .command: text
        }
    }

    /// Starts reading.
    func open(stallSeconds: Int) throws(ShardError) -> any ForwardBytes {
        switch self {
        case .web(let address):
            return try ChildBytes(
                arguments: [
                    "curl", "--fail", "--location", "--silent", "--show-error", "--proto", "=https,http",
                    "--proto-redir", "=https,http", "--max-redirs", "10", "--connect-timeout", "\(stallSeconds)",
                    "--speed-limit", "1", "--speed-time", "\(stallSeconds)", "--globoff", "--url", address,
                ], address: address, stallSeconds: stallSeconds + 5,
                missingMessage: "Web addresses are read with curl, which is not installed: 'apt install curl'.")
        case .command(let command):
            return try ChildBytes(
                arguments: ["/bin/sh", "-c", command], address: text, stallSeconds: stallSeconds,
                missingMessage: "There is no /bin/sh to run the command.")
        }
    }
}
