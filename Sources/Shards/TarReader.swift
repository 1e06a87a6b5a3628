import Samples

/// A member of a tar that has bytes: where they are and what it is called.
struct TarMember: Hashable, Sendable {
    /// Path as stored, any bytes.
    let path: [UInt8]
    /// Offset of its first header block, extended headers included: reading can start anew here.
    let headerOffset: Int64
    /// Where its bytes are in the file.
    let range: ByteRange
    /// Digest over all headers before `headerOffset`.
    let headerDigestBefore: Digest
    /// Why its bytes cannot be used although the tar can be read on, if so.
    let defect: TarDamage?
}

/// Reads the headers of a tar in order, safely for any input: it only moves forward, by at least one block a step, and
/// allocates no more than `ShardLimits` allows.
///
/// Understood are ustar, PAX (`path`, `size`), GNU long names, star and the old form; numbers in octal or base 256.
/// Folders, links, devices, volume labels and unknown types are stepped over. Global PAX headers are checked and
/// ignored: WebDataset knows no archive-wide path or size.
struct TarReader: ~Copyable {
    enum Step {
        /// A member with bytes.
        case member(TarMember)
        /// The end-of-archive block was reached.
        case end
        /// Nothing after this offset can be read.
        case damage(TarDamage, offset: Int64)
    }

    /// Offset of the next header.
    private(set) var offset: Int64
    /// SHA-256 chain over all headers so far: each link is the digest of the link before, the offset of the header as
    /// eight little-endian bytes, and the header with the body of an extended one.
    private(set) var headerDigest: Digest
    private var window: ByteWindow
    private let limits: ShardLimits

    /// The link before the first header.
    static let initialDigest = Digest(hashing: "vlmpipe tar headers 1")

    /// Reads from `offset`, which must be 0 or the `headerOffset` of a member, with the digest that belongs to it.
    init(
        _ bytes: consuming ShardBytes, limits: ShardLimits, offset: Int64 = 0,
        headerDigest: Digest = TarReader.initialDigest
    ) {
        window = bytes.window
        self.limits = limits
        self.offset = offset
        self.headerDigest = headerDigest
    }

    /// Steps to the next member with bytes. After `end` or `damage` it must not be called again.
    mutating func next() throws(ShardError) -> Step {
        var start = offset
        var startDigest = headerDigest
        do throws(Failure) {
            while true {
                start = offset
                startDigest = headerDigest
                if let found = try step() { return found }
            }
        } catch {
            switch error {
            case .system(let error): throw error
            case .damage(let damage):
                let place = offset
                // Reading anew from here must meet the same damage with the same digest.
                offset = start
                headerDigest = startDigest
                return .damage(damage, offset: place)
            }
        }
    }

    /// The bytes of a member or the first of them; bounded by the caller. Does not move the reader.
    mutating func bytes(_ range: ByteRange, prefix: Int? = nil) throws(ShardError) -> [UInt8] {
        let count = prefix.map { Int(min(Int64($0), range.byteCount)) } ?? Int(range.byteCount)
        let bytes = try window.bytes(at: range.offset, count: count)
        guard bytes.count == count else {
            throw ShardError(
                .fileChanged, "The file became shorter while it was read; run the same command again.",
                path: window.path, byteOffset: range.offset)
        }
        return Array(bytes)
    }

    private enum Failure: Error {
        case system(ShardError)
        case damage(TarDamage)
    }

    /// What the extended headers before a member say about it.
    private struct ExtendedHeaders {
        var count = 0
        var longName: [UInt8]?
        var records: PaxRecords?
        var isPathTooLong = false
    }

    /// Reads one member with the extended headers before it; `nil` if it is one to step over.
    private mutating func step() throws(Failure) -> Step? {
        let first = offset
        let digestBefore = headerDigest
        var extended = ExtendedHeaders()
        while true {
            guard let header = try readHeader() else {
                guard extended.count == 0 else {
                    throw .damage(TarDamage(.tarExtendedHeader, "an extended header has no member after it"))
                }
                return .end
            }
            switch header.type {
            case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
                try readExtendedHeader(header, into: &extended)
            default:
                return try finish(header, extended, firstOffset: first, digestBefore: digestBefore)
            }
        }
    }

    /// Reads the header at `offset` and moves past it; `nil` at the end-of-archive block.
    private mutating func readHeader() throws(Failure) -> TarHeader? {
        let block = try peek(count: TarHeader.blockByteCount)
        if block.isEmpty {
            throw .damage(
                TarDamage(.tarEndMissing, "the file ends without an end-of-archive block; members may be missing"))
        }
        guard block.count == TarHeader.blockByteCount else {
            throw .damage(TarDamage(.tarTruncated, "the file ends inside a header"))
        }
        if TarHeader.isZero(block) { return nil }
        let header: TarHeader
        do throws(TarDamage) { header = try TarHeader(block) } catch { throw .damage(error) }
        chain(block)
        offset += Int64(TarHeader.blockByteCount)
        return header
    }

    private mutating func readExtendedHeader(
        _ header: TarHeader, into extended: inout ExtendedHeaders
    ) throws(Failure) {
        let start = offset - Int64(TarHeader.blockByteCount)
        extended.count += 1
        guard extended.count <= limits.maximumExtendedHeaderCount else {
            offset = start
            throw .damage(TarDamage(.tarExtendedHeader, "too many extended headers before one member"))
        }
        let isName = header.type == UInt8(ascii: "L") || header.type == UInt8(ascii: "K")
        guard header.byteCount <= limits.maximumExtendedHeaderByteCount else {
            guard isName else {
                offset = start
                throw .damage(
                    TarDamage(.tarExtendedHeader, "an extended header of \(header.byteCount) bytes is over the limit"))
            }
            // The name alone is lost; where the member is, is known.
            if header.type == UInt8(ascii: "L") { extended.isPathTooLong = true }
            try skip(header.byteCount, headerOffset: start)
            return
        }
        let body = try peek(count: Int(header.byteCount))
        guard body.count == Int(header.byteCount) else {
            offset = start
            throw .damage(TarDamage(.tarTruncated, "the file ends inside an extended header"))
        }
        chain(body)
        let bytes = Array(body)
        do throws(TarDamage) {
            switch header.type {
            case UInt8(ascii: "x"): extended.records = try PaxRecords(bytes)
            case UInt8(ascii: "g"): _ = try PaxRecords(bytes)
            case UInt8(ascii: "L"): extended.longName = Array(bytes.prefix { $0 != 0 })
            default: break
            }
        } catch {
            offset = start
            throw .damage(error)
        }
        try skip(header.byteCount, headerOffset: start)
    }

    private mutating func finish(
        _ header: TarHeader, _ extended: ExtendedHeaders, firstOffset: Int64, digestBefore: Digest
    ) throws(Failure) -> Step? {
        let start = offset - Int64(TarHeader.blockByteCount)
        let path = extended.records?.path ?? extended.longName ?? header.path
        var defect: TarDamage?
        switch header.type {
        case UInt8(ascii: "1"), UInt8(ascii: "2"), UInt8(ascii: "3"), UInt8(ascii: "4"), UInt8(ascii: "5"),
            UInt8(ascii: "6"), UInt8(ascii: "V"):
            // Links, devices, folders and labels have no bytes, whatever their size field says.
            return nil
        case 0 where header.path.last == UInt8(ascii: "/"):
            return nil
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
            if extended.records?.isSparse == true {
                defect = TarDamage(.memberSparse, "the member is stored as a sparse file, which is not supported")
            }
        case UInt8(ascii: "S"):
            defect = TarDamage(.memberSparse, "the member is stored as a sparse file, which is not supported")
            if header.isSparseMapContinued { try skipSparseMap() }
        case UInt8(ascii: "M"):
            defect = TarDamage(.memberMultiVolume, "the member is continued from another volume")
        default:
            try skip(extended.records?.byteCount ?? header.byteCount, headerOffset: start)
            return nil
        }
        if extended.isPathTooLong || path.count > limits.maximumPathByteCount {
            defect = TarDamage(.pathTooLong, "the path is longer than \(limits.maximumPathByteCount) bytes")
        }
        let byteCount = extended.records?.byteCount ?? header.byteCount
        guard let range = ByteRange(checkedOffset: offset, byteCount: byteCount) else {
            offset = start
            throw .damage(TarDamage(.tarNumber, "the size \(byteCount) does not fit a file"))
        }
        try skip(byteCount, headerOffset: start)
        return .member(
            TarMember(
                path: Array(path.prefix(limits.maximumPathByteCount)), headerOffset: firstOffset, range: range,
                headerDigestBefore: digestBefore, defect: defect))
    }

    /// GNU sparse maps go on in blocks whose byte 504 says whether another follows.
    private mutating func skipSparseMap() throws(Failure) {
        while true {
            let block = try peek(count: TarHeader.blockByteCount)
            guard block.count == TarHeader.blockByteCount else {
                throw .damage(TarDamage(.tarTruncated, "the file ends inside a sparse map"))
            }
            let isContinued = block[block.startIndex + 504] != 0
            offset += Int64(TarHeader.blockByteCount)
            guard isContinued else { return }
        }
    }

    /// Moves past `byteCount` bytes and their padding, or finds that the file ends before.
    private mutating func skip(_ byteCount: Int64, headerOffset: Int64) throws(Failure) {
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        guard !overflow, end < Int64.max - Int64(TarHeader.blockByteCount), try reaches(end) else {
            let left = window.byteCount.map { "the file has \($0 - offset)" } ?? "the stream ends before"
            offset = headerOffset
            throw .damage(TarDamage(.tarTruncated, "the header asks for \(byteCount) bytes, but \(left)"))
        }
        let mask = Int64(TarHeader.blockByteCount) - 1
        // The padding of the last member may be cut off without loss.
        offset = min((end + mask) & ~mask, window.byteCount ?? Int64.max)
    }

    /// Whether the bytes go on to `end`. What may be read of the member is held by the window from now on.
    private mutating func reaches(_ end: Int64) throws(Failure) -> Bool {
        do throws(ShardError) {
            return try window.reaches(end, from: offset, maximumByteCount: limits.maximumImageByteCount)
        } catch {
            throw TarReader.failure(error)
        }
    }

    /// Compressed data that are wrong are damage of the tar like any other.
    private static func failure(_ error: ShardError) -> Failure {
        error.code == .compressionDamaged ? .damage(TarDamage(error.code, error.message)) : .system(error)
    }

    /// Reads what follows the end of a stream, so that a failure of its source is noticed.
    mutating func drain() throws(ShardError) { try window.drain() }

    private mutating func peek(count: Int) throws(Failure) -> ArraySlice<UInt8> {
        do throws(ShardError) { return try window.bytes(at: offset, count: count) } catch {
            throw TarReader.failure(error)
        }
    }

    private mutating func chain(_ bytes: ArraySlice<UInt8>) {
        var hasher = DigestHasher()
        hasher.update(headerDigest.bytes)
        hasher.update(number: UInt64(offset))
        hasher.update(Array(bytes))
        headerDigest = hasher.finalize()
    }
}
