import Samples

/// A place between two samples of a tar from which reading can go on.
public struct TarCursor: Hashable, Sendable {
    /// Offset of the first header of the next sample.
    public let byteOffset: Int64
    /// Ordinal of the next sample.
    public let ordinal: UInt32
    /// Digest over all headers before `byteOffset`.
    public let headerDigest: Digest

    /// A place recorded earlier.
    public init(byteOffset: Int64, ordinal: UInt32, headerDigest: Digest) {
        self.byteOffset = byteOffset
        self.ordinal = ordinal
        self.headerDigest = headerDigest
    }

    /// The start of any tar.
    public static let start = TarCursor(byteOffset: 0, ordinal: 0, headerDigest: TarReader.initialDigest)
}

/// Reads the samples of a WebDataset tar in order: neighbouring members with one key are one sample.
///
///     var reader = TarSampleReader(file: try ReadOnlyFile(path: "00000.tar"))
///     while let item = try reader.next() { … }
///
/// A second member with the same key and suffix starts another sample. The image of a sample is its first member that
/// is an image by content, those with one extension (`a.jpg`) before those with several (`a.mask.png`). A damaged tar
/// gives all samples before the damage and then one rejected item for the rest. Memory is bounded by `ShardLimits`
/// (one image and three texts at most, besides a window of 256 KiB), time is linear in the file's size; any input ends.
public struct TarSampleReader: ~Copyable {
    private let path: String
    private let readsImages: Bool
    private let limits: ShardLimits
    private var tar: TarReader
    private var nextOrdinal: UInt32
    private var pending: PendingMember?
    private var isEnded = false

    /// Where to go on after the items read so far.
    public private(set) var cursor: TarCursor

    /// Number of members with bytes that belong to no sample by their name.
    public private(set) var ignoredMemberCount = 0

    /// Reads a file from `cursor`.
    public init(
        file: ReadOnlyFile, limits: ShardLimits = ShardLimits(), from cursor: TarCursor = .start,
        readsImages: Bool = true
    ) throws(ShardError) {
        self.init(try ShardBytes(file: file), limits: limits, from: cursor, readsImages: readsImages)
    }

    /// Reads an opened tar from `cursor`; a stream is read up to there and passed over.
    ///
    /// - Parameter readsImages: whether images are read whole; if not, only their first bytes are looked at, and
    ///   `ImageMember.bytes` holds no more than those.
    public init(
        _ bytes: consuming ShardBytes, limits: ShardLimits = ShardLimits(), from cursor: TarCursor = .start,
        readsImages: Bool = true
    ) {
        path = bytes.window.path
        self.readsImages = readsImages
        self.limits = limits
        self.cursor = cursor
        tar = TarReader(bytes, limits: limits, offset: cursor.byteOffset, headerDigest: cursor.headerDigest)
        nextOrdinal = cursor.ordinal
    }

    private struct PendingMember {
        let member: TarMember
        let parts: SampleKey.Parts
    }

    /// The next item; `nil` at the end. Throws `inputOutput` or `fileChanged` if the file cannot be read.
    public mutating func next() throws(ShardError) -> ShardItem? {
        var group: TarGroup?
        if let first = pending {
            pending = nil
            group = TarGroup(first.parts.key, startingWith: first.member)
            try take(first, into: &group)
        }
        while !isEnded {
            switch try tar.next() {
            case .end:
                isEnded = true
                do throws(ShardError) { try tar.drain() } catch {
                    guard error.code == .compressionDamaged else { throw error }
                    return try finish(group, damage: TarDamage(error.code, error.message), offset: tar.offset)
                }
            case .damage(let damage, let offset):
                isEnded = true
                return try finish(group, damage: damage, offset: offset)
            case .member(let member):
                guard let parts = SampleKey.inTar(member.path) else {
                    ignoredMemberCount += 1
                    continue
                }
                let next = PendingMember(member: member, parts: parts)
                if let current = group, !current.accepts(parts, limits: limits) {
                    pending = next
                    return finish(current, endingAt: member)
                }
                if group == nil { group = TarGroup(parts.key, startingWith: member) }
                try take(next, into: &group)
            }
        }
        if let group { return finish(group, endingAt: nil) }
        if let rest { return take(rest: rest) }
        cursor = TarCursor(byteOffset: tar.offset, ordinal: nextOrdinal, headerDigest: tar.headerDigest)
        return nil
    }

    /// Damage found while a sample was open: it is reported after that sample.
    private var rest: (damage: TarDamage, offset: Int64)?

    private mutating func finish(
        _ group: TarGroup?, damage: TarDamage, offset: Int64
    ) throws(ShardError) -> ShardItem? {
        guard let group else { return take(rest: (damage, offset)) }
        rest = (damage, offset)
        return finish(group, endingAt: nil)
    }

    private mutating func take(rest: (damage: TarDamage, offset: Int64)) -> ShardItem {
        self.rest = nil
        defer { advance(to: nil) }
        return .rejected(
            RejectedItem(
                ordinal: nextOrdinal, key: "", byteOffset: rest.offset, code: rest.damage.code,
                reason: rest.damage.reason + "; nothing after it can be read"))
    }

    private mutating func finish(_ group: TarGroup, endingAt next: TarMember?) -> ShardItem {
        defer { advance(to: next) }
        return group.item(ordinal: nextOrdinal, path: path)
    }

    private mutating func advance(to next: TarMember?) {
        nextOrdinal += 1
        cursor = TarCursor(
            byteOffset: next?.headerOffset ?? tar.offset, ordinal: nextOrdinal,
            headerDigest: next?.headerDigestBefore ?? tar.headerDigest)
    }

    /// Reads what the member contributes to the open sample, if anything.
    private mutating func take(_ next: PendingMember, into group: inout TarGroup?) throws(ShardError) {
        guard var open = group else { return }
        group = nil
        try open.take(next.member, suffix: next.parts.suffix, from: &tar, limits: limits, readsImages: readsImages)
        group = open
    }
}

/// A sample of a tar while its members arrive.
struct TarGroup {
    /// First bytes of an image that tell it from other files.
    private static let prefixByteCount = ImageFormat.recognitionByteCount

    private let key: [UInt8]
    private let offset: Int64
    private var suffixes: Set<[UInt8]> = []
    private var image: (range: ByteRange, bytes: [UInt8], isPlain: Bool)?
    private var texts: [TextMember] = []
    private var defect: (damage: TarDamage, offset: Int64)?
    private var impostor: (name: String, offset: Int64)?

    init(_ key: [UInt8], startingWith member: TarMember) {
        self.key = key
        offset = member.headerOffset
    }

    func accepts(_ parts: SampleKey.Parts, limits: ShardLimits) -> Bool {
        parts.key == key && !suffixes.contains(parts.suffix) && suffixes.count < limits.maximumMemberCount
    }

    mutating func take(
        _ member: TarMember, suffix: [UInt8], from tar: inout TarReader, limits: ShardLimits, readsImages: Bool
    ) throws(ShardError) {
        suffixes.insert(suffix)
        let role = MemberRole(suffix: suffix)
        if let damage = member.defect {
            // Its suffix may be cut off and its bytes cannot be looked at, so the whole sample is in doubt.
            if defect == nil { defect = (damage, member.headerOffset) }
            return
        }
        switch role {
        case .text, .record:
            guard member.range.byteCount <= limits.maximumTextByteCount else {
                note(.memberTooLarge, "a text of \(member.range.byteCount) bytes is over the limit", member)
                return
            }
            texts.append(
                TextMember(
                    suffix: String(decoding: suffix, as: UTF8.self), byteOffset: member.range.offset,
                    bytes: try tar.bytes(member.range)))
        case .other:
            let isPlain = !suffix.contains(UInt8(ascii: "."))
            // One image is kept; a plainer name takes its place.
            if let image, image.isPlain || !isPlain { return }
            let start = try tar.bytes(member.range, prefix: TarGroup.prefixByteCount)
            guard ContentKind.isImage(start) else {
                if MemberRole.namesImage(suffix: suffix), impostor == nil {
                    impostor = (String(decoding: suffix, as: UTF8.self), member.range.offset)
                }
                return
            }
            guard member.range.byteCount <= limits.maximumImageByteCount else {
                note(.memberTooLarge, "an image of \(member.range.byteCount) bytes is over the limit", member)
                return
            }
            image = (member.range, readsImages ? try tar.bytes(member.range) : start, isPlain)
        }
    }

    private mutating func note(_ code: ShardError.Code, _ reason: String, _ member: TarMember) {
        if defect == nil { defect = (TarDamage(code, reason), member.range.offset) }
    }

    func item(ordinal: UInt32, path: String) -> ShardItem {
        let keyText = TextFromBytes.text(ofBytes: key)
        if let defect {
            return .rejected(
                RejectedItem(
                    ordinal: ordinal, key: keyText, byteOffset: defect.offset, code: defect.damage.code,
                    reason: defect.damage.reason))
        }
        guard let image else {
            let reason =
                impostor.map { "the member '\($0.name)' is not JPEG, PNG, WebP, HEIC or AVIF by content" }
                ?? "no member of the sample is an image"
            return .rejected(
                RejectedItem(
                    ordinal: ordinal, key: keyText, byteOffset: impostor?.offset ?? offset, code: .imageMissing,
                    reason: reason))
        }
        return .sample(
            FoundSample(
                ordinal: ordinal, key: keyText,
                image: ImageMember(location: MemberLocation(path: path, range: image.range), bytes: image.bytes),
                texts: texts))
    }
}
