import ByteFormats
import Synchronization

/// Which parts of a mapped segment have been checked since it was opened: bits that any thread sets, and none clears.
@safe
final class CheckedParts: @unchecked Sendable {
    // Invariant: after the initialiser the words are touched by atomic operations alone, until deinit.
    private let words: UnsafeMutableBufferPointer<Atomic<UInt64>>
    private let count: Int

    init(count: Int) {
        self.count = count
        let wordCount = (count + 63) / 64
        unsafe words = .allocate(capacity: wordCount)
        for index in 0..<wordCount { unsafe words.initializeElement(at: index, to: Atomic(0)) }
    }

    deinit {
        unsafe words.deinitialize().deallocate()
    }

    func contains(_ index: Int) -> Bool {
        precondition(index >= 0 && index < count, "part \(index)")
        let word = unsafe words[index / 64].load(ordering: .relaxed)
        return word >> UInt64(index % 64) & 1 == 1
    }

    func insert(_ index: Int) {
        precondition(index >= 0 && index < count, "part \(index)")
        unsafe words[index / 64].bitwiseOr(1 << UInt64(index % 64), ordering: .relaxed)
    }
}

/// Numbers that any thread sets, each always to the same value; NaN before.
@safe
final class SharedFloats: @unchecked Sendable {
    // Invariant: after the initialiser the words are touched by atomic operations alone, until deinit.
    private let words: UnsafeMutableBufferPointer<Atomic<UInt32>>
    private let count: Int

    init(count: Int) {
        self.count = count
        unsafe words = .allocate(capacity: count)
        for index in 0..<count { unsafe words.initializeElement(at: index, to: Atomic(Float.nan.bitPattern)) }
    }

    deinit {
        unsafe words.deinitialize().deallocate()
    }

    subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count, "number \(index)")
            return Float(bitPattern: unsafe words[index].load(ordering: .relaxed))
        }
        set {
            precondition(index >= 0 && index < count, "number \(index)")
            unsafe words[index].store(newValue.bitPattern, ordering: .relaxed)
        }
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
