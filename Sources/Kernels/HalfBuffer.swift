import CKernels

/// Floats of 16 bits in another's memory, such as weights in a mapped file: read only, widened where they are used.
///
/// The one safety argument of this type: `storage` points at `count` initialised elements that `owner` keeps as they are from `init` to
/// `deinit`, and nothing here writes them; hence `@unchecked Sendable`.
@safe
public final class HalfBuffer: @unchecked Sendable {
    /// What the bits mean.
    public enum Format: Sendable, CaseIterable {
        /// IEEE binary16.
        case float16
        /// The upper half of a Float32.
        case bfloat16
    }

    /// The number of elements.
    public let count: Int
    /// What the bits mean.
    public let format: Format
    let storage: UnsafePointer<UInt16>
    private let owner: any AnyObject & Sendable

    /// A view of `count` elements that `owner` keeps where they are.
    ///
    /// Safe as long as `base` is aligned to two bytes and points at that many initialised elements that stay as they are while `owner`
    /// lives.
    @unsafe
    public init(viewing base: UnsafePointer<UInt16>, count: Int, _ format: Format, of owner: any AnyObject & Sendable) {
        precondition(
            count >= 0 && Int(bitPattern: base) % MemoryLayout<UInt16>.alignment == 0, "view of \(count) halves")
        self.count = count
        self.format = format
        self.owner = owner
        unsafe storage = base
    }
}

extension HalfBuffer.Format {
    /// The code of C.
    var code: Int32 {
        switch self {
        case .float16: Int32(VLM_WEIGHT_F16)
        case .bfloat16: Int32(VLM_WEIGHT_BF16)
        }
    }
}
