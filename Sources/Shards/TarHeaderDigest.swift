import Samples

/// A digest over all headers of a tar, by which a tar that was only touched is told from one that changed.
public enum TarHeaderDigest {
    /// Reads the headers and steps over the members; the same digest as `TarSampleReader.cursor` ends with.
    ///
    /// For a damaged tar it covers what precedes the damage.
    public static func ofFile(
        _ file: ReadOnlyFile, limits: ShardLimits = ShardLimits()
    ) throws(ShardError) -> Digest {
        var reader = TarReader(try ShardBytes(file: file), limits: limits)
        while true {
            switch try reader.next() {
            case .member: continue
            case .end, .damage: return reader.headerDigest
            }
        }
    }
}
