import ByteFormats
import Glibc
import Synchronization

/// Words that any thread reads and writes, each by itself; 0 at first.
@safe
final class SharedWords: @unchecked Sendable {
    // Invariant: after the initialiser the words are touched by atomic operations alone, until deinit.
    private let words: UnsafeMutableBufferPointer<Atomic<UInt64>>

    init(count: Int) {
        unsafe words = .allocate(capacity: count)
        for index in 0..<count { unsafe words.initializeElement(at: index, to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize().deallocate()
    }

    /// Traps if there is no such word.
    func load(_ index: Int) -> UInt64 {
        check(index)
        return unsafe words[index].load(ordering: .relaxed)
    }

    func insert(_ bits: UInt64, at index: Int) {
        check(index)
        unsafe words[index].bitwiseOr(bits, ordering: .relaxed)
    }

    private func check(_ index: Int) {
        precondition(unsafe index >= 0 && index < words.count, "word \(index)")
    }
}

/// Which parts of a mapped segment have been checked since it was opened: bits that any thread sets, and none clears.
struct CheckedParts: Sendable {
    private let words: SharedWords

    init(count: Int) { words = SharedWords(count: (count + 63) / 64) }

    func contains(_ index: Int) -> Bool { words.load(index / 64) >> UInt64(index % 64) & 1 == 1 }
    func insert(_ index: Int) { words.insert(1 << UInt64(index % 64), at: index / 64) }
}

/// Numbers that any thread finds out, each always the same.
struct FoundNumbers: Sendable {
    private let words: SharedWords

    init(count: Int) { words = SharedWords(count: count) }

    /// A number; what `find` gives unless it is known.
    func number(_ index: Int, find: () -> Float) -> Float {
        let word = words.load(index)
        guard word == 0 else { return Float(bitPattern: UInt32(truncatingIfNeeded: word)) }
        let number = find()
        words.insert(1 << 32 | UInt64(number.bitPattern), at: index)
        return number
    }
}

/// A mapped file that several owners share.
@safe
final class SharedMapping: @unchecked Sendable {
    // Invariant: the mapped bytes are only read, and stay where they are as long as this lives.
    let file: MappedFile
    /// The first byte.
    let base: UnsafePointer<UInt8>?

    init(path: String) throws(ByteFormatError) {
        file = try MappedFile(path: path)
        // The region stays where it is until `file` goes away.
        unsafe base = file.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { unsafe $0.baseAddress?.assumingMemoryBound(to: UInt8.self) }
        }
    }

    /// Pages that are mapped whole, and begin at multiples of their size in the file.
    private static let largePageByteCount = 1 << 21

    /// Asks for a range of the file, which will be read whole, in large pages; what lies around it may be read with it.
    func preferLargePages(_ range: Range<Int>) {
        guard let base = unsafe base, !range.isEmpty, range.upperBound <= file.byteCount else { return }
        let size = Self.largePageByteCount
        let start = range.lowerBound / size * size
        let end = min(file.byteCount, (range.upperBound + size - 1) / size * size)
        // A hint about addresses of the mapping: whether it is followed changes nothing of what is read.
        unsafe _ = madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, Int32(MADV_HUGEPAGE))
    }
}

/// Memory of one owner that stays where it is, and grows.
@safe
final class ByteBuffer {
    private var bytes: UnsafeMutableBufferPointer<UInt8>

    init() { unsafe bytes = UnsafeMutableBufferPointer(start: nil, count: 0) }
    deinit { unsafe bytes.deallocate() }

    /// Room for this many bytes; what was in it is gone if it had less.
    @unsafe func pointer(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
        if unsafe bytes.count < byteCount || bytes.baseAddress == nil {
            unsafe bytes.deallocate()
            unsafe bytes = .allocate(capacity: max(64, byteCount))
        }
        guard let base = unsafe bytes.baseAddress else { preconditionFailure("an allocation has an address") }
        return unsafe base
    }
}
