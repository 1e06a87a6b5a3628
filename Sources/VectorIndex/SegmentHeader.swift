import ByteFormats
import Samples

/// The fixed 128 bytes at the start of a segment.
struct SegmentHeader: Sendable, Equatable {
    var space: SpaceFingerprint
    var dimension: Int
    var identifiers: IdentifierKind
    var profile: IndexProfile = .plain
    /// First 16 bytes of the digest of the codec; zeros for `plain`.
    var codec: [UInt8] = [UInt8](repeating: 0, count: 16)
    /// Elements of a code: E rounded up to a multiple of 64; 0 for `plain`.
    var codeDimension = 0
    /// Whether rows are stored by partition.
    var isPartitioned = false

    /// The feature bit of segments whose rows are stored by partition.
    static let partitionedFeature: UInt64 = 1

    /// Bytes of a row in a frame of identities.
    var identityByteCount: Int {
        isPartitioned ? SegmentFormat.partitionedIdentityByteCount : SegmentFormat.identityByteCount
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: SegmentFormat.headerByteCount)
        writer.write(SegmentFormat.magic)
        writer.write(SegmentFormat.majorVersion)
        writer.write(SegmentFormat.minorVersion)
        writer.write(UInt32(SegmentFormat.headerByteCount))
        writer.write(isPartitioned ? Self.partitionedFeature : 0)
        writer.write(UInt64(0))
        writer.write(space.digest.bytes)
        writer.write(UInt32(dimension))
        writer.write(UInt32(SegmentFormat.groupRowCount))
        writer.write(SegmentFormat.innerProductMetric)
        writer.write(identifiers.rawValue)
        writer.write(profile.number)
        writer.write(UInt32(codeDimension))
        writer.write(codec)
        writer.writeZeros(SegmentFormat.headerByteCount - 4 - writer.count)
        writer.writeChecksum()
        return writer.bytes
    }

    init(
        space: SpaceFingerprint, dimension: Int, identifiers: IdentifierKind, profile: IndexProfile = .plain,
        codec: VectorCodec? = nil, isPartitioned: Bool = false
    ) {
        precondition(profile.isCoded == (codec != nil), "a segment of profile \(profile) and its codec")
        precondition(profile.isCoded || !isPartitioned, "partitions are made of codes")
        self.isPartitioned = isPartitioned
        self.space = space
        self.dimension = dimension
        self.identifiers = identifiers
        self.profile = profile
        if let codec {
            self.codec = Array(codec.digest.bytes.prefix(16))
            codeDimension = codec.codeDimension
        }
    }

    init(_ bytes: [UInt8], path: String) throws {
        var reader = ByteReader(bytes, path: path)
        try reader.expect(SegmentFormat.magic, "the magic of an index segment")
        let major = try reader.read(UInt16.self, "the version")
        let minor = try reader.read(UInt16.self, "the version")
        guard major == SegmentFormat.majorVersion, minor == SegmentFormat.minorVersion else {
            throw VectorIndexError(
                .unsupportedVersion,
                "an index segment of format \(major).\(minor); this program reads \(SegmentFormat.majorVersion)."
                    + "\(SegmentFormat.minorVersion): run 'vlmpipe index rebuild', or build an index of your own vectors "
                    + "again", path: path)
        }
        let length = try reader.read(UInt32.self, "the header length")
        let features = try reader.read(UInt64.self, "the feature bits")
        // Compatible features may be anything: they can be ignored.
        _ = try reader.read(UInt64.self, "the feature bits")
        guard features & ~Self.partitionedFeature == 0 else {
            throw VectorIndexError(
                .unsupportedVersion, "an index segment with features \(features) unknown to this program: update it",
                path: path)
        }
        guard let digest = Digest(bytes: try reader.readBytes(32, "the space")) else {
            preconditionFailure("32 bytes are a digest")
        }
        space = SpaceFingerprint(digest: digest)
        dimension = Int(try reader.read(UInt32.self, "the dimension"))
        let groupRowCount = try reader.read(UInt32.self, "the group size")
        let metric = try reader.read(UInt32.self, "the metric")
        let kind = try reader.read(UInt32.self, "the kind of ids")
        let profileNumber = try reader.read(UInt32.self, "the profile")
        codeDimension = Int(try reader.read(UInt32.self, "the dimension of codes"))
        codec = try reader.readBytes(16, "the codec")
        try reader.expectZeros(SegmentFormat.headerByteCount - 4 - reader.position, "the reserved bytes")
        try reader.expectChecksum("the header")
        guard length == UInt32(SegmentFormat.headerByteCount), groupRowCount == UInt32(SegmentFormat.groupRowCount),
            metric == SegmentFormat.innerProductMetric, let identifiers = IdentifierKind(rawValue: kind),
            (1...EmbeddingHeader.maximumDimension).contains(dimension),
            let profile = IndexProfile(number: profileNumber),
            codeDimension == (profile.isCoded ? VectorCodec.codeDimension(of: dimension) : 0),
            profile.isCoded || codec.allSatisfy({ $0 == 0 }) && features == 0
        else { throw reader.error(.malformed, "the header holds a value that is not possible", at: 64) }
        self.identifiers = identifiers
        self.profile = profile
        isPartitioned = features == Self.partitionedFeature
    }
}
