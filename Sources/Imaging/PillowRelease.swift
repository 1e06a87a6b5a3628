import Kernels

/// The releases of Pillow whose resized pixels differ: they disagree about which of the two passes runs first, and so
/// about which result is rounded to 8 bits. The difference is a level or two in pictures that are much taller than wide
/// or squashed; all releases agree where the vertical pass never comes first.
public enum PillowRelease: String, Hashable, Sendable, CaseIterable {
    /// Pillow 12.2 and 12.3: rows first if the picture is over 100 times as tall as wide and its height shrinks. Earlier
    /// releases always make columns first and differ in such pictures only.
    case twelve = "12"
    /// Pillow 13: rows first if the height shrinks, by more than twice what the width shrinks.
    case thirteen = "13"

    /// Which pass runs first to make a picture of one size from another.
    func passOrder(width: Int, height: Int, targetWidth: Int, targetHeight: Int) -> Resampling.PassOrder {
        guard targetHeight < height else { return .columnsFirst }
        let isRowsFirst =
            switch self {
            case .twelve: height > 100 * width
            case .thirteen: height - targetHeight > 2 * (width - targetWidth)
            }
        return isRowsFirst ? .rowsFirst : .columnsFirst
    }
}
