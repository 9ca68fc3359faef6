//! Memory with a stable address while the kernel uses it.

use std::ptr::NonNull;

/// A slice on the heap that never moves, so that the kernel may keep its address.
///
/// Each move of a `Box` asserts unique access to its memory; this type does not.
pub(crate) struct PinnedSlice<T>(NonNull<[T]>);

// SAFETY: it owns its memory as a Box does. The pointers in the C structs that are kept in it lead
// to other `PinnedSlice` memory of the same owner, which moves to another thread along with it.
unsafe impl<T> Send for PinnedSlice<T> {}

impl<T> PinnedSlice<T> {
    pub(crate) fn new(memory: impl Into<Box<[T]>>) -> Self {
        Self(NonNull::from(Box::leak(memory.into())))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The address of item `index`; one past the end is allowed.
    pub(crate) fn address(&self, index: usize) -> *mut T {
        assert!(index <= self.len(), "an address outside the memory");
        self.0.as_ptr().cast::<T>().wrapping_add(index)
    }

    /// The whole slice. The kernel writes only during calls that borrow the owner exclusively.
    pub(crate) fn slice(&self) -> &[T] {
        // SAFETY: it is the memory of a leaked Box, valid until `drop`, and borrowed with `self`.
        unsafe { self.0.as_ref() }
    }

    /// The whole slice, mutable.
    pub(crate) fn slice_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `slice`, and `self` is borrowed exclusively.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for PinnedSlice<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer comes from Box::leak, and is given back this once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
